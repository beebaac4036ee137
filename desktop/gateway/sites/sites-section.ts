/** The section `sites` of a configuration; docs/gateway.schema.json describes it. */
export interface SitesSection {
  servers: string[];
  user?: string;
  passwordFile?: string;
  passwordEnv?: string;
  tokenFile?: string;
  tokenEnv?: string;
  /** The user's JWT and seed, as NATS's tools write them. */
  credentialsFile?: string;
  caFile?: string;
  certificateFile?: string;
  /** Key of `certificateFile`. */
  certificateKeyFile?: string;
  stream?: string;
  /** What follows is of the stream that a gateway makes where there is none. */
  replicas?: 1 | 3 | 5;
  days?: number;
  megabytes?: number;
  /** Topics whose events of other sites come into this network. */
  import?: string[];
}
