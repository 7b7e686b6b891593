"""Secrets are taken out of build steps, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.history.steps import find_leaks, match_history
from ocisize.history.redact import REDACTED, is_secret, promises_secret, redact
from ocisize.oci.documents import History

SECRET = "Zq7hunter2"  # nothing harmless looks like it


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"ENV DB_PASSWORD={SECRET} PATH=/bin", ["DB_PASSWORD"]),
        (f"ENV DB_PASSWORD=two words {SECRET}", ["DB_PASSWORD"]),
        (f"ENV API_TOKEN {SECRET}", ["API_TOKEN"]),
        (f"/bin/sh -c #(nop)  ENV SECRET_KEY_BASE={SECRET}", ["SECRET_KEY_BASE"]),
        (f"ARG NPM_TOKEN={SECRET}", ["NPM_TOKEN"]),
        (f"|2 A=1 NPM_TOKEN={SECRET} with blanks /bin/sh -c npm ci", ["NPM_TOKEN"]),
        (f"RUN |1 NPM_TOKEN=a B={SECRET} /bin/sh -c npm ci # buildkit", ["NPM_TOKEN"]),
        (f"RUN |1 NPM_TOKEN={SECRET} python -m build # buildkit", ["NPM_TOKEN"]),
        (f"RUN GITHUB_TOKEN={SECRET} make", ["GITHUB_TOKEN"]),
        (f"RUN export AWS_SECRET_ACCESS_KEY='{SECRET}/+x'; make", ["AWS_SECRET_ACCESS_KEY"]),
        (f'RUN PGPASSWORD="{SECRET} \\" {SECRET}" psql', ["PGPASSWORD"]),
        (f"RUN mysql --password={SECRET} -e x && deploy --api-key {SECRET}", ["password", "api-key"]),
        (f"RUN keytool -storepass {SECRET} -keypass {SECRET}", ["storepass", "keypass"]),
        (f"RUN curl -H 'Authorization: Bearer {SECRET}' x", ["Authorization"]),
        (f'RUN curl -H "PRIVATE-TOKEN: {SECRET}" x', ["PRIVATE-TOKEN"]),
        (f"RUN curl -fsSL -u me:{SECRET} https://x", ["password of curl"]),
        (f"RUN git clone https://me:{SECRET}@example.com/x.git", ["password in a URL"]),
        (f"RUN pip install --index-url https://t:{SECRET}@example.com/simple x", ["password in a URL"]),
        (f"RUN docker login -u me -p {SECRET} example.com", ["password of a login"]),
        (f"RUN echo root:{SECRET} | chpasswd", ["password of chpasswd"]),
        (f"RUN echo 'x x/root_password password {SECRET}' | debconf-set-selections", ["password of debconf"]),
        (f"RUN echo '//registry.npmjs.org/:_authToken={SECRET}' > ~/.npmrc", ["_authToken"]),
        (f"RUN npm config set //registry.npmjs.org/:_authToken {SECRET}", ["_authToken"]),
        (f"RUN echo machine x login y password {SECRET} > ~/.netrc", ["password of .netrc"]),
        (f'RUN echo \'{{"token": "{SECRET}"}}\' > x.json', ["token"]),
        (f'RUN echo "{{\\"token\\": \\"{SECRET}\\"}}" > x.json', ["token"]),
        (f"RUN echo '-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----' > k", ["private key"]),
        (f"RUN echo '-----BEGIN OPENSSH PRIVATE KEY-----\\n{SECRET}", ["private key"]),
        ("RUN aws configure set x AKIAZq7hunter2ABCDEF".upper(), ["AWS access key"]),
        (f'CMD ["app", "--password", "{SECRET}"]', ["password"]),
        (f'ENTRYPOINT ["app" "-token" "{SECRET}"]', ["token"]),
        (f"RUN echo 'password = {SECRET}' >> x.ini", ["password"]),
        (f"RUN powershell -Command $env:PASSWORD = '{SECRET}'; x", ["PASSWORD"]),
        (f"RUN $x = ConvertTo-SecureString '{SECRET}' -AsPlainText -Force", ["secure string"]),
        (f"ENV JAVA_OPTS=-Djavax.net.ssl.keyStorePassword={SECRET} A=b", ["Djavax.net.ssl.keyStorePassword"]),
        (f"RUN |1 OPTS=--token={SECRET} /bin/sh -c make", ["token"]),
        (f"ENV STORAGE=AccountName=x;AccountKey={SECRET}{'a' * 30};EndpointSuffix=core", ["AccountKey"]),
        (f"/bin/sh -c #(nop) ENV DB_PASSWORD {SECRET}", ["DB_PASSWORD"]),
        (f"RUN git clone https://{SECRET}abcdefghij@example.com/x", ["token in a URL"]),
        (f"RUN mysql -uroot -p{SECRET} -e x", ["password of mysql"]),
        (f"RUN useradd -m -p '{SECRET}' bob", ["password of useradd"]),
        (f"RUN echo {SECRET} | passwd --stdin root", ["password that is piped"]),
        (f"RUN htpasswd -cbB /etc/nginx/.htpasswd admin {SECRET}", ["password of htpasswd"]),
        (f"RUN htpasswd -nb admin '{SECRET}' > /auth && ls", ["password of htpasswd"]),
        (f"RUN redis-cli -h db -a {SECRET} ping", ["password of Redis"]),
        (f"RUN echo requirepass {SECRET} >> /etc/redis.conf", ["password of Redis"]),
        (f"RUN openssl enc -d -aes-256-cbc -in x.enc -k {SECRET} -out x", ["password of openssl"]),
        (f"RUN openssl pkcs12 -in x.p12 -passin pass:{SECRET} -nodes", ["pass"]),
        (f"RUN vault login -no-print {SECRET}", ["Vault token"]),
        (f"RUN vault kv get -address=x hvs.{SECRET}{'a' * 20}", ["Vault token"]),
        (f'RUN echo \'{{"auths": {{"x.io": {{"auth": "{SECRET}bGFiZWw="}}}}}}\' > config.json', ["login of a registry"]),
        (f'RUN migrate -database "mysql://app:{SECRET}@tcp(db:3306)/app" up', ["password in a URL"]),
        (f"ENV DSN=app:{SECRET}@tcp(db:3306)/app", ["password of a database"]),
        (f"RUN curl -d x https://hooks.slack.com/services/T000/B000/{SECRET}", ["webhook"]),
        (f"RUN curl -d x https://discord.com/api/webhooks/123456789/{SECRET}-abc_def", ["webhook"]),
        (f"RUN curl https://api.telegram.org/bot123456789:{SECRET}{'a' * 25}/getMe", ["Telegram token"]),
        (f"RUN echo '{SECRET}' | docker login -u x --password-stdin", ["password that is piped"]),
        (f"RUN aws configure set aws_secret_access_key {SECRET}", ["AWS secret key"]),
        (f"RUN x ghp_{SECRET}{'a' * 30}", ["GitHub token"]),
        (f"RUN x glpat-{SECRET}-abcdefghij", ["GitLab token"]),
        (f"RUN x xoxb-{SECRET}-abcdefghij", ["Slack token"]),
        (f"RUN x eyJ{SECRET}.eyJ{SECRET}.{SECRET}", ["JSON Web Token"]),
    ],
)  # fmt: skip
def test_secrets_are_taken_out(text: str, names: list[str]) -> None:
    """Whatever form a secret has, it is gone, its name is known, and what begins the step is still there."""
    found = redact(text)
    assert SECRET.lower() not in found.text.lower()
    assert REDACTED in found.text
    assert list(found.secrets) == names
    assert found.text[:4] == text[:4]


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"RUN |2 A=1 NPM_TOKEN={SECRET} /bin/sh -c npm ci # buildkit", "RUN |2 A=1 NPM_TOKEN=<redacted> /bin/sh -c npm ci # buildkit"),
        (f"ENV A=1 DB_PASSWORD={SECRET} B=2", "ENV A=1 DB_PASSWORD=<redacted> B=2"),
        (f"RUN mysql --password='{SECRET}' && ls", "RUN mysql --password='<redacted>' && ls"),
        (f"RUN git clone https://me:{SECRET}@x.org/y && ls", "RUN git clone https://me:<redacted>@x.org/y && ls"),
        (f'RUN echo "password={SECRET}" > /etc/x', 'RUN echo "password=<redacted>" > /etc/x'),
    ],
)  # fmt: skip
def test_the_rest_stays(text: str, redacted: str) -> None:
    """Names, quotes and neighbours are kept."""
    assert redact(text).text == redacted


# Lines of official images and common Dockerfiles that look like secrets to a careless reader.
PUBLIC = """
ENV GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305
ENV GPG_KEYS=B42F6819007F00F88E364FD4036A9C25BF357DD4 C4F0DFFF4E8C1A8236409D08E73BC641CC11F4C8
ENV PYTHON_SHA256=3126f59592c9b0d798584755f2bf7b081fa1ca35ce7a6fea980108d752a05bb1
ENV PYTHON_GET_PIP_SHA256=7cb9c3ea13f6d9d2ec8ba2d9d2c5b7f6fa4d9ae0d79b9d2fd5b5a2a3b9f3f0aa
ENV KEYS=0EF4CA0B
ENV NODE_VERSION=20.11.1 YARN_VERSION=1.22.19
ENV NGINX_GPGKEY=573BFD6B3D8FBC641079A6ABABF5BD827BD9BF62
ENV PATH=/usr/local/bin:/usr/bin LS_COLORS=rs=0:di=01;34 SSH_AUTH_SOCK=/run/ssh.sock
ENV TOKENIZERS_PARALLELISM=false PASSENGER_ROOT=/usr KEYBOARD=us MONKEY=1 COMPASS=north BYPASS=1
ENV DB_PASSWORD_FILE=/run/secrets/db TOKEN_URL=https://x.org/token MYSQL_ALLOW_EMPTY_PASSWORD=yes
ENV DB_PASSWORD= API_KEY=
ARG GITHUB_TOKEN
RUN |1 GITHUB_TOKEN= /bin/sh -c make # buildkit
RUN set -eux; export GNUPGHOME="$(mktemp -d)"; gpg --batch --keyserver hkps://keys.openpgp.org --recv-keys "$GPG_KEY"
RUN key='B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8'; gpg --batch --keyserver x --recv-keys "$key"
RUN apt-key adv --keyserver hkp://keyserver.ubuntu.com:80 --recv-keys 0E98404D386FA1D9
RUN curl -fsSL https://x.org/key.gpg | apt-key add - && echo "deb [signed-by=/usr/share/keyrings/x.gpg] https://x.org"
RUN adduser --disabled-password --gecos "" app && passwd -d app && adduser --disabled-password bob
RUN --mount=type=secret,id=npm_token NPM_TOKEN=$(cat /run/secrets/npm_token) npm ci
RUN : ${TOKEN:?must be set} && echo "${PASSWORD:-none}" && echo "$API_KEY" && curl -u "me:$PASSWORD" https://x
RUN gpg --batch --passphrase '' --quick-gen-key x && docker login -u x --password-stdin
RUN echo 'passwd: files' > /etc/nsswitch.conf && cat /etc/passwd:/etc/shadow
RUN openssl req -newkey rsa:4096 -keyout server.key --ssl-key ./server.key --private-key /etc/ssl/x.pem
RUN git config --global credential.helper store && useradd -u 1000 --password-prompt x
COPY --chown=app:app secrets.py token.py /app/keys/
RUN git clone https://oauth2accesstoken@x.org/y && [ $TOKEN = x ] && mysql -P3306 -u root && useradd -u 1 -m p
RUN htpasswd -bn "$USER" "$PASSWORD" > /auth && htpasswd -c /etc/auth admin && redis-cli -h db ping && vault login -method=aws
RUN openssl req -new -key /etc/x.pem -k && echo '{"auth": {"type": "x"}}' && curl https://hooks.slack.com/services/$HOOK
ENTRYPOINT ["app" "--password-file" "/run/secrets/x"]
CMD ["app", "--token", "$TOKEN"]
LABEL org.opencontainers.image.source=https://github.com/x/y key=value
WORKDIR /app
""".strip().splitlines()


@pytest.mark.parametrize("text", PUBLIC)
def test_public_lines_stay_as_they_are(text: str) -> None:
    """Keys of maintainers, checksums, switches, references and paths are no secrets."""
    assert redact(text) == type(redact(""))(text)


@pytest.mark.parametrize(
    ("name", "promises"),
    [
        ("DB_PASS", True), ("dbPassword", True), ("clientSecret", True), ("XTOKEN", True), ("STRIPE_KEY", True),
        ("GITHUB_PAT", True), ("MYSQL_PWD", True), ("TOKEN2", True), ("NEXT_PUBLIC_CLIENT_SECRET", True),
        ("KEY", False), ("PWD", False), ("PATH", False), ("NEXT_PUBLIC_API_KEY", False), ("SECRET_NAME", False),
        ("PASS_MAX_DAYS", False), ("DISABLE_TOKEN", False), ("", False), ("_", False), ("7", False),
    ],
)  # fmt: skip
def test_names(name: str, promises: bool) -> None:
    """Names are judged by their words."""
    assert promises_secret(name) is promises


def test_values() -> None:
    """A value may be a secret whatever its name is; a name's promise needs a value."""
    assert is_secret("X", f"ghp_{SECRET}{'a' * 30}")
    assert is_secret("PASSWORD", "12345678")
    assert is_secret("SECRET_KEY", "ab" * 32)
    assert is_secret("JAVA_OPTS", f"-Xmx1g -Ddb.password={SECRET}")
    assert not is_secret("PASSWORD", "")
    assert not is_secret("PASSWORD", "$OTHER")
    assert not is_secret("X", SECRET)


WORDS = st.sampled_from(
    ["TOKEN=", "--password ", "'", '"', "\\", "$(", ")", "`", " ", "|2 ", "RUN ", "ENV ", "/bin/sh -c ", "https://a:", "@", "a", "{",
     ":", "-----BEGIN PRIVATE KEY-----", "-----END", "<redacted>", "curl -u x:", "| chpasswd", "\n", "A_KEY", "=",
     " = ", '", "', "OPTS=-Dx.password=", "mysql -p", "echo a | passwd --stdin", "https://aaaaaaaaaaaaaaaaaaa1@"]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=3), max_size=20).map("".join))
def test_redacting_twice_changes_nothing(text: str) -> None:
    """What is redacted holds no more secrets, and text without secrets is left alone."""
    once = redact(text)
    assert (once.text == text) == (not once.secrets)
    assert redact(once.text).text == once.text


@pytest.mark.parametrize(
    "part",
    ["A_TOKEN=\"", "A_TOKEN=$(", "A_TOKEN={{", "A_TOKEN=`", "A_TOKEN=a\"", "A_TOKEN=\\", "curl -u ", "eyJaaaaaaaaaaa.", "eyJ-", "a:b|",
     "password ", "://", "-----BEGIN PRIVATE KEY-----", "--token ", "|1 A=", "/sh ", "docker login ", "login ",
     "htpasswd -b ", "redis-cli -a", "vault login -a ", "openssl -k", '"auth":"', "a:b@tcp"],
)  # fmt: skip
def test_hostile_text_ends(part: str) -> None:
    """No text makes it take forever, and what is too long to show is cut."""
    for start in ("", "RUN |3 ", "ENV "):
        assert len(redact(start + part * 100_000).text) <= 1 << 20


def test_history_is_redacted() -> None:
    """Neither the wording nor the line as written has the secret; both have its name."""
    history = [
        History(created_by=f"ARG NPM_TOKEN={SECRET}", empty_layer=True),
        History(created_by=f"RUN |1 NPM_TOKEN={SECRET} /bin/sh -c curl --password {SECRET} x # buildkit"),
        History(comment=f"https://me:{SECRET}@x.org"),
    ]
    layers = match_history(history, 2)
    assert SECRET not in repr(layers)
    assert layers[0].build_step.text == "RUN curl --password <redacted> x"
    assert layers[0].created_by == "RUN |1 NPM_TOKEN=<redacted> /bin/sh -c curl --password <redacted> x # buildkit"
    leaks = list(find_leaks(history, 2))
    assert SECRET not in repr(leaks)
    assert [(leak.secrets, leak.layer) for leak in leaks] == [
        (("NPM_TOKEN",), None),
        (("NPM_TOKEN", "password"), 0),
        (("password in a URL",), 1),
    ]
