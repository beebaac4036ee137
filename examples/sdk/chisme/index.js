// The name of the package, as `app.js` imports it everywhere. The manifests of `src` have the names of its files.
export * from "chisme/gossip";
