#!/usr/bin/env bash
# Two Node applications from real npm packages: more than 250,000 small files in few layers.
#
#   benchmarks/inputs/node.sh CASE_FOLDER
#
# Needs node, npm and umoci; npm installs by the machine's own configuration, without running scripts.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

begin_image

mkdir -p "$root/usr/local/bin"
cp -L "$(command -v node)" "$root/usr/local/bin/node"
layer "COPY node /usr/local/bin/ # buildkit"

npm_install srv/web next@14 react@18 react-dom@18 @mui/material@5 @mui/icons-material@5 aws-sdk@2 date-fns@2 lodash \
    lodash-es rxjs@7 typescript@5 googleapis@100 @fortawesome/free-solid-svg-icons @angular/cli@16 @angular/core@16 \
    webpack@5 gatsby@4 @tabler/icons-react core-js@3 @babel/preset-env eslint@8 jest@29 react-icons antd@5 ionicons@7 \
    @carbon/icons-react @primer/octicons-react
layer "RUN /bin/sh -c cd /srv/web && npm ci # buildkit"

npm_install srv/admin @material-ui/icons@4 @material-ui/core@4 react@17 react-dom@17 @fluentui/react-icons @elastic/eui \
    date-fns@3 googleapis@92 @ant-design/icons core-js@3 rxjs@6 three vite@5 typescript@4
layer "RUN /bin/sh -c cd /srv/admin && npm ci # buildkit"

rm -rf "$root/srv/admin/node_modules/typescript"
layer "RUN /bin/sh -c rm -rf /srv/admin/node_modules/typescript # buildkit"

end_image
