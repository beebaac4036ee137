export * from "chisme/sleep/index";
