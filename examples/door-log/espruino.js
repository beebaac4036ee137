// The log of a door on Espruino. README.md of examples/ says how to upload it; the module is chisme-full.min.js.
var SSID = "name of the network";
var PASSWORD = "";
var NAME = "garage";
/** The reed contact of the door, between this pin and ground. */
var PIN = D27;

E.on("init", function() {
  require("network").join(SSID, PASSWORD, function(chisme, options) {
    options.name = NAME;
    options.storage = chisme.flashStorage("chisme", chisme.flashLog());
    options.events = chisme.eventFeeds({
      bytes: 4096,
      digest: chisme.espruinoDigest(),
      onEvent: function(event) {
        if (event.topic === "door") print((event.authorName || event.author) + ": " + event.value);
      }
    });
    var node = new chisme.Gossip(options);
    pinMode(PIN, "input_pullup");
    setWatch(function(change) { node.log("door", change.state ? "open" : "closed"); }, PIN, {
      edge: "both", repeat: true, debounce: 50
    });
    return node;
  });
});
