# Installs Docker on a lab host, and an image with nothing but busybox. A lab host may not create session keyrings or
# load programs for cgroups into the kernel, so runc gets options that go without.
set -e
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/docker
cat >/usr/local/bin/runc-lab <<'END'
#!/bin/bash
words=()
for word; do
  words+=("$word")
  case $word in create|run) words+=(--no-new-keyring) ;; esac
done
exec runc --rootless=true "${words[@]}"
END
chmod 755 /usr/local/bin/runc-lab
cat >/etc/docker/daemon.json <<'END'
{"runtimes": {"lab": {"path": "/usr/local/bin/runc-lab"}}, "default-runtime": "lab", "exec-opts": ["native.cgroupdriver=cgroupfs"], "storage-driver": "vfs"}
END
apt-get update -qq
compose=
case $(apt-cache policy docker-compose) in *'Candidate: 2.'*) compose='docker-compose docker-cli' ;; esac
apt-get install -qqy --no-install-recommends docker.io iptables busybox-static $compose >/dev/null 2>&1
mkdir -p /tmp/image/bin
cp /bin/busybox /tmp/image/bin/
for name in sh sleep ls echo; do ln -s busybox "/tmp/image/bin/$name"; done
tar -C /tmp/image -c . | docker import - local/busybox:1 >/dev/null
