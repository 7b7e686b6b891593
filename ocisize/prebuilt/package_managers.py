"""Generated from TOML by ``python -m tests.prebuilt``: edit the TOML."""

from typing import Any

TABLE: Any = {
 'manager': (
  {
   'name': 'apt',
   'tool': 'apt-get|apt|aptitude',
   'install': 'install',
   'update': 'update',
   'also': 'rm\\s+-\\w+\\s+/var/(?:lib|cache)/apt',
   'options_with_value': ('-o', '--option', '-t', '--target-release', '-c', '--config-file'),
   'matches': ('RUN apt-get -qq install -y curl', 'RUN apt-get update && apt install curl'),
   'misses': ('RUN apt-get update', 'RUN apt-get upgrade -y', 'RUN make install', 'RUN apt-get installer', 'COPY apt-get install /'),
  },
  {
   'name': 'apk',
   'tool': 'apk',
   'install': 'add',
   'options_with_value': ('-X', '--repository'),
   'options_of_step': ('-t', '--virtual', '-p', '--root'),
   'matches': ('RUN apk add curl', 'RUN apk --no-cache add curl'),
   'misses': ('RUN apk del curl', 'RUN apk addx', 'RUN git add x'),
  },
  {
   'name': 'dnf',
   'tool': 'dnf5?|yum|microdnf|tdnf',
   'install': 'install',
   'also': 'rm\\s+-\\w+\\s+/var/cache/(?:dnf|yum)',
   'options_with_value': ('-c', '--config', '--repo', '-x', '--exclude'),
   'options_of_step': ('--installroot',),
   'matches': ('RUN dnf -y install curl', 'RUN yum install -y curl', 'RUN microdnf install curl'),
   'misses': ('RUN dnf clean all', 'RUN dnf remove curl'),
  },
  {
   'name': 'pip',
   'tool': 'pip[\\d.]*',
   'prefix': 'python[\\d.]*\\s+-m\\s+',
   'install': 'install',
   'options_with_value': ('-i', '--index-url', '--extra-index-url', '-f', '--find-links', '--platform', '--python-version'),
   'options_of_step': ('-r', '--requirement', '-c', '--constraint', '-e', '--editable', '-t', '--target', '--prefix', '--root'),
   'matches': ('RUN pip install x', 'RUN python3 -m pip install x', 'RUN pip3.12 --no-cache-dir install x'),
   'misses': ('RUN pip download x', 'RUN pipx install x'),
  },
  {
   'name': 'npm',
   'tool': 'npm',
   'install': 'install|add|i',
   'options_of_step': ('--prefix', '-w', '--workspace', '-g', '--global'),
   'matches': ('RUN npm install x', 'RUN npm i x', 'RUN npm --silent add x'),
   'misses': ('RUN npm ci', 'RUN npm run build', 'RUN pnpm'),
  },
 ),
}
