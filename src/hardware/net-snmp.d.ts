// net-snmp has no types. These are the parts that we use.
declare module 'net-snmp' {
  export type Varbind = Readonly<{ oid: string; type: number; value: unknown }>;
  export type Session = Readonly<{
    get: (
      oids: readonly string[],
      done: (error: Error | null, varbinds: readonly Varbind[] | undefined) => void,
    ) => void;
    set: (
      varbinds: readonly Varbind[],
      done: (error: Error | null, varbinds: readonly Varbind[] | undefined) => void,
    ) => void;
    on: (event: 'error', listener: (error: Error) => void) => void;
    close: () => void;
  }>;
  type Options = Readonly<{ port: number; version: number; timeout: number; retries: number }>;
  type User = Readonly<{
    name: string;
    level: number;
    authProtocol?: string | undefined;
    authKey?: string | undefined;
    privProtocol?: string | undefined;
    privKey?: string | undefined;
  }>;
  export const createSession: (host: string, community: string, options: Options) => Session;
  export const createV3Session: (host: string, user: User, options: Options) => Session;
  export const isVarbindError: (varbind: Varbind) => boolean;
  export const Version2c: number;
  export const Version3: number;
  export const ObjectType: Readonly<Record<'Integer', number>>;
  export const SecurityLevel: Readonly<Record<'noAuthNoPriv' | 'authNoPriv' | 'authPriv', number>>;
  export const AuthProtocols: Readonly<Record<'sha' | 'sha256' | 'sha512', string>>;
  export const PrivProtocols: Readonly<Record<'aes' | 'aes256r', string>>;
  export const ErrorStatus: Readonly<Record<string, number | string>>;
}
