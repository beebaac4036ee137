/** The section `mqtt` of a configuration; docs/gateway.schema.json describes it. */
export interface MqttSection {
  url: string;
  version?: "5" | "3.1.1";
  clientId?: string;
  user?: string;
  passwordFile?: string;
  passwordEnv?: string;
  caFile?: string;
  certificateFile?: string;
  /** Key of `certificateFile`. */
  certificateKeyFile?: string;
  prefix?: string;
  commands?: boolean;
  homeAssistant?: boolean | HomeAssistantSection;
}

/** How Home Assistant shows fields of a name: the first rule that fits. */
export interface FieldRule {
  /** A name of a field, with `*` for any characters. "" is a value that is a number by itself. */
  field: string;
  name?: string;
  unit?: string;
  deviceClass?: string;
  stateClass?: "measurement" | "total" | "total_increasing" | "none";
}

export interface HomeAssistantSection {
  prefix?: string;
  rules?: FieldRule[];
}
