import { type ReliabilityTask, runTask } from "./reliability-tasks.js";

/* A process that runs one task for each message and answers with its outcome. */
process.on("message", (task: ReliabilityTask) => {
  process.send?.(runTask(task));
});
process.on("disconnect", () => process.exit());
