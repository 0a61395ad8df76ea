// Written by `npm run gen`: do not edit.
import type { Module } from '../core/module.ts';
import { acl } from './acl.ts';
import { add_host } from './add_host.ts';
import { alternatives } from './alternatives.ts';
import { apache2_module } from './apache2_module.ts';
import { apk } from './apk.ts';
import { apt } from './apt.ts';
import { apt_key } from './apt_key.ts';
import { apt_repository } from './apt_repository.ts';
import { archive } from './archive.ts';
import { assemble } from './assemble.ts';
import { assert } from './assert.ts';
import { async_status } from './async_status.ts';
import { at } from './at.ts';
import { authorized_key } from './authorized_key.ts';
import { blockinfile } from './blockinfile.ts';
import { capabilities } from './capabilities.ts';
import { certificate } from './certificate.ts';
import { command } from './command.ts';
import { composer } from './composer.ts';
import { copy } from './copy.ts';
import { cron } from './cron.ts';
import { deb822_repository } from './deb822_repository.ts';
import { debconf } from './debconf.ts';
import { debug } from './debug.ts';
import { dnf } from './dnf.ts';
import { docker_compose_v2 } from './docker_compose_v2.ts';
import { docker_container } from './docker_container.ts';
import { docker_image } from './docker_image.ts';
import { docker_login } from './docker_login.ts';
import { docker_network } from './docker_network.ts';
import { docker_prune } from './docker_prune.ts';
import { docker_volume } from './docker_volume.ts';
import { dpkg_selections } from './dpkg_selections.ts';
import { fail } from './fail.ts';
import { fetch } from './fetch.ts';
import { file } from './file.ts';
import { find } from './find.ts';
import { firewalld } from './firewalld.ts';
import { gather_facts } from './gather_facts.ts';
import { gem } from './gem.ts';
import { get_url } from './get_url.ts';
import { getent } from './getent.ts';
import { git } from './git.ts';
import { github_release } from './github_release.ts';
import { grafana_datasource } from './grafana_datasource.ts';
import { group } from './group.ts';
import { group_by } from './group_by.ts';
import { helm } from './helm.ts';
import { hostname } from './hostname.ts';
import { htpasswd } from './htpasswd.ts';
import { include_vars } from './include_vars.ts';
import { ini_file } from './ini_file.ts';
import { iptables } from './iptables.ts';
import { k8s } from './k8s.ts';
import { known_hosts } from './known_hosts.ts';
import { ldap_entry } from './ldap_entry.ts';
import { lineinfile } from './lineinfile.ts';
import { locale_gen } from './locale_gen.ts';
import { make } from './make.ts';
import { modprobe } from './modprobe.ts';
import { mount } from './mount.ts';
import { mount_facts } from './mount_facts.ts';
import { mysql_db } from './mysql_db.ts';
import { mysql_info } from './mysql_info.ts';
import { mysql_query } from './mysql_query.ts';
import { mysql_replication } from './mysql_replication.ts';
import { mysql_user } from './mysql_user.ts';
import { mysql_variables } from './mysql_variables.ts';
import { nftables } from './nftables.ts';
import { npm } from './npm.ts';
import { openssh_keypair } from './openssh_keypair.ts';
import { openssl_csr } from './openssl_csr.ts';
import { openssl_dhparam } from './openssl_dhparam.ts';
import { openssl_privatekey } from './openssl_privatekey.ts';
import { openssl_publickey } from './openssl_publickey.ts';
import { packages } from './package.ts';
import { package_facts } from './package_facts.ts';
import { pacman } from './pacman.ts';
import { pam_limits } from './pam_limits.ts';
import { pamd } from './pamd.ts';
import { patch } from './patch.ts';
import { pause } from './pause.ts';
import { ping } from './ping.ts';
import { pip } from './pip.ts';
import { postgresql_db } from './postgresql_db.ts';
import { postgresql_ext } from './postgresql_ext.ts';
import { postgresql_pg_hba } from './postgresql_pg_hba.ts';
import { postgresql_privs } from './postgresql_privs.ts';
import { postgresql_query } from './postgresql_query.ts';
import { postgresql_schema } from './postgresql_schema.ts';
import { postgresql_set } from './postgresql_set.ts';
import { postgresql_user } from './postgresql_user.ts';
import { raw } from './raw.ts';
import { reboot } from './reboot.ts';
import { redis } from './redis.ts';
import { replace } from './replace.ts';
import { rpm_key } from './rpm_key.ts';
import { script } from './script.ts';
import { seboolean } from './seboolean.ts';
import { sefcontext } from './sefcontext.ts';
import { selinux } from './selinux.ts';
import { service } from './service.ts';
import { service_facts } from './service_facts.ts';
import { set_fact } from './set_fact.ts';
import { set_stats } from './set_stats.ts';
import { setup } from './setup.ts';
import { shell } from './shell.ts';
import { slurp } from './slurp.ts';
import { snap } from './snap.ts';
import { sshd_config } from './sshd_config.ts';
import { stat } from './stat.ts';
import { subversion } from './subversion.ts';
import { synchronize } from './synchronize.ts';
import { sysctl } from './sysctl.ts';
import { systemd } from './systemd.ts';
import { tempfile } from './tempfile.ts';
import { template } from './template.ts';
import { timezone } from './timezone.ts';
import { ufw } from './ufw.ts';
import { unarchive } from './unarchive.ts';
import { uri } from './uri.ts';
import { user } from './user.ts';
import { validate_argument_spec } from './validate_argument_spec.ts';
import { wait_for } from './wait_for.ts';
import { wait_for_connection } from './wait_for_connection.ts';
import { x509_certificate } from './x509_certificate.ts';
import { xml } from './xml.ts';
import { yum_repository } from './yum_repository.ts';
import { zypper } from './zypper.ts';
import { zypper_repository } from './zypper_repository.ts';

/** Every module, by the names that a playbook may use, without a collection's prefix. */
export const modules: Readonly<Record<string, Module>> = {
  acl,
  add_host,
  alternatives,
  apache2_module,
  apk,
  apt,
  apt_key,
  apt_repository,
  archive,
  assemble,
  assert,
  async_status,
  at,
  authorized_key,
  blockinfile,
  capabilities,
  certificate,
  command,
  composer,
  copy,
  cron,
  deb822_repository,
  debconf,
  debug,
  dnf,
  docker_compose_v2,
  docker_container,
  docker_image,
  docker_login,
  docker_network,
  docker_prune,
  docker_volume,
  dpkg_selections,
  fail,
  fetch,
  file,
  find,
  firewalld,
  gather_facts,
  gem,
  get_url,
  getent,
  git,
  github_release,
  grafana_datasource,
  group,
  group_by,
  helm,
  hostname,
  htpasswd,
  include_vars,
  ini_file,
  iptables,
  k8s,
  known_hosts,
  ldap_entry,
  lineinfile,
  locale_gen,
  make,
  modprobe,
  mount,
  mount_facts,
  mysql_db,
  mysql_info,
  mysql_query,
  mysql_replication,
  mysql_user,
  mysql_variables,
  nftables,
  npm,
  openssh_keypair,
  openssl_csr,
  openssl_dhparam,
  openssl_privatekey,
  openssl_publickey,
  package: packages,
  package_facts,
  pacman,
  pam_limits,
  pamd,
  patch,
  pause,
  ping,
  pip,
  postgresql_db,
  postgresql_ext,
  postgresql_pg_hba,
  postgresql_privs,
  postgresql_query,
  postgresql_schema,
  postgresql_set,
  postgresql_user,
  raw,
  reboot,
  redis,
  replace,
  rpm_key,
  script,
  seboolean,
  sefcontext,
  selinux,
  service,
  service_facts,
  set_fact,
  set_stats,
  setup,
  shell,
  slurp,
  snap,
  sshd_config,
  stat,
  subversion,
  synchronize,
  sysctl,
  systemd,
  tempfile,
  template,
  timezone,
  ufw,
  unarchive,
  uri,
  user,
  validate_argument_spec,
  wait_for,
  wait_for_connection,
  x509_certificate,
  xml,
  yum_repository,
  zypper,
  zypper_repository,
  dnf5: dnf,
  openssl_certificate: x509_certificate,
  systemd_service: systemd,
  yum: dnf,
};
