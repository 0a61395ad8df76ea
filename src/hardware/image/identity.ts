/** What makes a general image a certain host. */
export type Identity = Readonly<{
  /** The name of the host in the inventory. Its first label becomes the host name. */
  name: string;
  /** The login user, who may use sudo without a password. */
  user: string;
  /** Lines of authorized_keys. */
  publicKeys: readonly string[];
  hostKey: HostKey;
  network: Network;
  timezone: string | undefined;
}>;

/** An ed25519 key pair: the private key as OpenSSH writes it, the public key as one line. */
export type HostKey = Readonly<{ private: string; public: string }>;

/** The network of a host. Without `address`, the host asks DHCP. */
export type Network = Readonly<{
  /** The name of the interface, which may contain `*`. */
  interface: string;
  /** Finds the interface instead of its name. */
  mac: string | undefined;
  address: Readonly<{ ip: string; prefix: number; gateway: string | undefined }> | undefined;
  nameservers: readonly string[];
}>;
