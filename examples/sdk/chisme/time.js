export * from "chisme/time/index";
