export * from "chisme/messages/index";
