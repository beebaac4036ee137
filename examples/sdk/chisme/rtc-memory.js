export * from "chisme/rtc-memory/index";
