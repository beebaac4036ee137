// The sensor at the other end of the line: a board without Wi-Fi.
import { Gossip } from "chisme";
import { moddablePlatform } from "chisme/platform/moddable";
import { PreferenceStorage } from "chisme/platform/moddable-storage";
import { MediaSocket } from "chisme/platform/media-socket";
import { ModdableSerialPort } from "chisme/platform/moddable-serial";
import { SerialMedium } from "chisme/platform/serial-medium";
import { readings } from "chisme/sensors";
import config from "mc/config";
import Preference from "preference";
import { sensors } from "sensor";
import Time from "time";
import Timer from "timer";

const READING_MS = 30000;
/** As the option `serialBytesMax` of the gateway, whose default is 600. */
const FRAME_BYTES = 600;

const { uart, receive, transmit, baud } = config;
const port = new ModdableSerialPort({
  port: Number(uart), receive: Number(receive), transmit: Number(transmit), baud: Number(baud),
}, 4 * FRAME_BYTES);
const { socket: udp, clock, randomSeed } = moddablePlatform();
const media = [new SerialMedium(port, FRAME_BYTES)];
const gossip = new Gossip({
  clock,
  randomSeed,
  // Without `udp`: the board needs no Wi-Fi. Its id is that of its MAC address.
  socket: new MediaSocket({ media, device: udp.deviceId(5000) }),
  storage: new PreferenceStorage(Preference, "chisme-serial"),
  name: String(config.name),
  onError: (code, error) => trace(`${code}: ${error.message}\n`),
});
gossip.start();
const measured = readings({ sensors: sensors(), thresholds: { temp: 0.25 } });
const measure = () => measured.update(Time.ticks, (value) => gossip.push(value));
measure();
Timer.repeat(measure, READING_MS);
