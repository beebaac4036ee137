export * from "chisme/relay/index";
