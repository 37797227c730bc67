#!/usr/bin/env bash
# Install @@{owner}'s site on this machine (Debian, Ubuntu …), as root:   ./install.sh
# Needs Python 3.11 to 3.13 with venv; a C compiler makes answers several times faster. Run again, it updates.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# The service runs as a user of its own, who must read all this, however private the folder was.
umask 022
root=${FISCHGPT_ROOT:-/opt/fischgpt}
units=${FISCHGPT_UNITS:-/etc/systemd/system}

install -d "$root" "$units"
for part in @@{parts}; do
    rm -rf "${root:?}/$part"
    cp -r --no-preserve=mode "$part" "$root/$part"
done
[ -x "$root/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install -q --extra-index-url https://download.pytorch.org/whl/cpu \
    -c source/constraints.txt ./source
"$root/venv/bin/fischgpt" profile check "$root/profile" >/dev/null
install -m 644 fischgpt.service "$units/fischgpt.service"
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable fischgpt
    systemctl restart fischgpt
fi
echo "Installed. Put the Caddyfile into /etc/caddy, or nginx.conf into /etc/nginx/conf.d, and reload it."
