import { whenJoined } from "node";
import { showLines } from "lines";
import { startDisplay } from "./app.js";

whenJoined((options) => startDisplay(options, showLines));
