export * from "chisme/events/index";
