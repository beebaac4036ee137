export * from "chisme/sensors/units";
