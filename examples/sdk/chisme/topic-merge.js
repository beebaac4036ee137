export * from "chisme/views/topic-merge";
