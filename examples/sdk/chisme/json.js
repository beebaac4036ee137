export * from "chisme/cbor/json-text";
