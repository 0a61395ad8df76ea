# converge.sh: all resources of converge-50 made so by hand, in one POSIX sh script; run as root: ssh HOST sudo -n sh -s NAME < converge.sh
# In place of @FILES@ the bench puts a tar.gz of files/ and keys/ in base64, as an admin who sends one file would.
# It may be run again. What bringup does beside: it stages, syncs and renames what it writes, and reads back what it changed.
set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
umask 022
name=$1

# in place of what matches, else at the end: FILE REGEX LINE
line() { if grep -qE "$2" "$1"; then sed -i -E "s/$2.*/$3/" "$1"; else printf '%s\n' "$3" >>"$1"; fi; }
# between its markers, at the end: FILE NAME TEXT
block() { sed -i "/^# BEGIN shopd $2\$/,/^# END shopd $2\$/d" "$1"; printf '# BEGIN shopd %s\n%s\n# END shopd %s\n' "$2" "$3" "$2" >>"$1"; }
# a line of the user's authorized keys: USER GROUP
key() {
  f=/home/$1/.ssh/authorized_keys
  mkdir -p "${f%/*}"
  read -r key <"$1.pub"
  { [ -e "$f" ] && grep -qxF "$key" "$f"; } || printf '%s\n' "$key" >>"$f"
  chown -R "$1:$2" "${f%/*}"
}

packages='curl rsync htop tree jq vim-tiny cron logrotate unzip lsof tmux acl'
case $(dpkg-query -W -f '${db:Status-Abbrev}' $packages 2>&1) in *[!i\ ]*) apt-get -qy install $packages ;; esac
echo 'deb http://packages.example.org/debian trixie-backports main' >/etc/apt/sources.list.d/shopd.list

groupadd -f -g 2000 shop
groupadd -f -g 2010 deployers
groupadd -f -g 2011 auditors
id shopd >/dev/null 2>&1 || useradd -m -u 2001 -g shop -s /bin/sh shopd
id alice >/dev/null 2>&1 || useradd -m -u 2101 -g deployers -G shop -s /bin/bash alice
id bob >/dev/null 2>&1 || useradd -m -u 2102 -g deployers -G auditors -s /bin/bash bob

at=$(mktemp -d)
trap 'rm -rf "$at"' EXIT
cd "$at"
base64 -d <<'END' | tar -xz --no-same-owner
@FILES@
END

key shopd shop
key alice deployers
key bob deployers
chmod 700 /home/shopd/.ssh /home/alice/.ssh /home/bob/.ssh
chmod 600 /home/shopd/.ssh/authorized_keys /home/alice/.ssh/authorized_keys /home/bob/.ssh/authorized_keys

install -d -m 750 -g shop /etc/shopd /etc/shopd/conf.d
install -d -m 750 -o shopd -g shop /var/lib/shopd
install -d -m 750 -o shopd -g adm /var/log/shopd
install -d -m 755 /opt/shopd /opt/shopd/releases /opt/shopd/releases/1.0
install -d -m 2775 -o shopd -g shop /srv/shopd

install -m 640 -g shop limits.conf /etc/shopd/
install -m 644 mime.types /etc/shopd/
install -m 755 shopd shopd-sweep /usr/local/bin/
install -m 644 logrotate-shopd /etc/logrotate.d/shopd
install -m 644 shopd.service shopd-worker.service /etc/systemd/system/

conf="# managed; host $name
name = shopd
host = $name
env = bench
listen = 0.0.0.0:8080
workers = 4
option.cache = on
option.cache_ttl = 300
option.gzip = on
option.trace = off
option.region = eu"
restart=
[ "$(cat /etc/shopd/shopd.conf 2>/dev/null)" = "$conf" ] || restart=yes
printf '%s\n' "$conf" >/etc/shopd/shopd.conf
cat >/etc/shopd/conf.d/logging.conf <<END
[logging]
level = info
file = /var/log/shopd/shopd.log
tag = shopd@$name
END
cat >/etc/shopd/conf.d/backends.conf <<'END'
# backends of shopd
server b1 10.9.0.1:9001 weight 10
server b2 10.9.0.2:9001 weight 10
server b3 10.9.0.3:9001 weight 20
server b4 10.9.0.4:9002 weight 20
server b5 10.9.0.5:9002 weight 1
END
printf 'APP_NAME=shopd\nAPP_ENV=bench\nAPP_PORT=8080\n' >/etc/default/shopd
printf '%s - shopd (bench)\nChanges by hand are overwritten.\n' "$name" >/etc/motd
cd /etc/shopd
chgrp shop shopd.conf conf.d/logging.conf conf.d/backends.conf
chmod 640 shopd.conf conf.d/logging.conf conf.d/backends.conf

line /etc/ssh/sshd_config '^#?ClientAliveInterval' 'ClientAliveInterval 120'
line /etc/ssh/sshd_config '^#?LoginGraceTime' 'LoginGraceTime 60'
line /etc/login.defs '^UMASK' 'UMASK 027'
line /etc/logrotate.conf '^#?compress$' compress
block /etc/hosts hosts '10.9.0.1 b1.internal b1
10.9.0.2 b2.internal b2
10.9.0.3 b3.internal b3'
block /etc/bash.bashrc env 'export SHOPD_ENV=bench
export SHOPD_PORT=8080'

cat >/etc/sysctl.d/60-shopd.conf <<'END'
net.core.somaxconn=1024
net.ipv4.tcp_keepalive_time=600
net.ipv4.conf.all.log_martians=1
END
sysctl -q -p /etc/sysctl.d/60-shopd.conf

{
  crontab -l 2>/dev/null | sed '/^#Ansible: shopd /,+1d'
  cat <<'END'
#Ansible: shopd sweep
*/10 * * * * /usr/local/bin/shopd-sweep
#Ansible: shopd tmp
17 3 * * * /usr/bin/find /srv/shopd -name '*.tmp' -delete
END
} | crontab -

cd /var/lib/shopd
[ -e .initialized ] || install -D -m 0600 /dev/null .initialized
grep -qx bench stage 2>/dev/null || echo bench >stage
[ -e /opt/shopd/releases/1.0/index.txt ] || tar -xzf "$at/shopd-assets-1.0.tar.gz" -C /opt/shopd/releases/1.0 --no-same-owner
ln -sfn /opt/shopd/releases/1.0 /opt/shopd/current

systemctl -q enable shopd shopd-worker # loads the units anew, too
if [ -n "$restart" ]; then systemctl restart shopd; fi
systemctl start shopd shopd-worker
