import { MqttOutput } from "./mqtt/mqtt-output.js";
import type { MqttSection } from "./mqtt/mqtt-section.js";
import type { OutputMaker } from "./output.js";
import { SitesOutput } from "./sites/sites-output.js";
import type { SitesSection } from "./sites/sites-section.js";

/** The outputs by the names of their sections; the name is also that of its position in the database. */
export const OUTPUTS: Readonly<Record<string, OutputMaker>> = {
  mqtt: (section, context) => new MqttOutput(section as MqttSection, context),
  sites: (section, context) => new SitesOutput(section as SitesSection, context),
};
