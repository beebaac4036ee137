export * from "chisme/sensors/index";
