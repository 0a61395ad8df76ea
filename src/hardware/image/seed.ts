import { createHash } from 'node:crypto';
import type { Identity, Network } from './identity.ts';
import { type Data, yamlText } from './yaml-text.ts';

/** The files of a NoCloud seed, by name. */
export type Seed = Readonly<Record<'meta-data' | 'user-data' | 'network-config', string>>;

/** The seed that makes an image the given host, as cloud-init's datasource NoCloud reads it. */
export function seedOf(identity: Identity): Seed {
  return {
    'meta-data': yamlText({ 'instance-id': instanceId(identity), 'local-hostname': shortName(identity) }),
    'user-data': `#cloud-config\n${yamlText(userData(identity))}`,
    'network-config': yamlText(networkConfig(identity.network)),
  };
}

/**
 * cloud-init applies a seed once for each id. The id changes with what the seed says, so that a card whose seed was
 * written again takes the new one.
 */
function instanceId(identity: Identity): string {
  const digest = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return `${shortName(identity)}-${digest.slice(0, 12)}`;
}

const shortName = ({ name }: Identity): string => name.split('.')[0] ?? name;

function userData(identity: Identity): { readonly [key: string]: Data | undefined } {
  const { name, user, publicKeys, hostKey, timezone } = identity;
  return {
    hostname: shortName(identity),
    fqdn: name.includes('.') ? name : undefined,
    preserve_hostname: false,
    // Only the line 127.0.1.1. Everything else in /etc/hosts belongs to the playbooks.
    manage_etc_hosts: 'localhost',
    timezone,
    users: [
      user === 'root'
        ? { name: user, ssh_authorized_keys: publicKeys }
        : {
            name: user,
            shell: '/bin/bash',
            lock_passwd: true,
            sudo: 'ALL=(ALL) NOPASSWD:ALL',
            ssh_authorized_keys: publicKeys,
          },
    ],
    disable_root: user !== 'root',
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.private, ed25519_public: hostKey.public },
    // Raspberry Pi OS makes host keys of its own in a service of its own, which must not replace the pinned one.
    bootcmd: [['sh', '-c', 'systemctl disable --now regenerate_ssh_host_keys.service 2>/dev/null || :']],
    runcmd: [
      ['sh', '-c', SCRUB],
      // Raspberry Pi OS does not start sshd by itself.
      ['sh', '-c', 'systemctl enable --now ssh.service'],
      // The seed was applied. A later boot must not look for another one.
      ['touch', '/etc/cloud/cloud-init.disabled'],
    ],
  };
}

/** Marks a seed that a host has applied. */
export const APPLIED = '# applied by the first boot';

/**
 * Overwrites the private key on the partition that any card reader reads. The file stays as an empty configuration,
 * because cloud-init expects it. The partition may be mounted or not.
 */
const SCRUB = `set -u
mkdir -p /run/bringup-seed
for label in CIDATA cidata bootfs system-boot; do
  device=/dev/disk/by-label/$label
  [ -e "$device" ] && mount "$device" /run/bringup-seed || continue
  file=/run/bringup-seed/user-data
  if grep -qs ed25519_private "$file"; then
    dd if=/dev/zero of="$file" bs="$(stat -c %s "$file")" count=1 conv=notrunc,fsync 2>/dev/null
    printf '#cloud-config\\n${APPLIED}\\n' > "$file"
    sync "$file"
  fi
  umount /run/bringup-seed
done
rmdir /run/bringup-seed`;

/** Version 2 of cloud-init's network configuration. */
function networkConfig(network: Network): { readonly [key: string]: Data | undefined } {
  const { interface: name, mac, address, nameservers } = network;
  const gateway = address?.gateway;
  return {
    version: 2,
    ethernets: {
      lan: {
        match: mac === undefined ? { name } : { macaddress: mac },
        dhcp4: address === undefined,
        addresses: address === undefined ? undefined : [`${address.ip}/${address.prefix}`],
        routes: gateway === undefined ? undefined : [{ to: '0.0.0.0/0', via: gateway }],
        nameservers: nameservers.length === 0 ? undefined : { addresses: nameservers },
      },
    },
  };
}
