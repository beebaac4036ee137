// An alarm on Espruino. README.md of examples/ says how to upload it; the module is chisme.min.js.
var SSID = "name of the network";
var PASSWORD = "";
var NAME = "alarm";
/** A buzzer with a transistor, or a lamp. */
var PIN = D26;

E.on("init", function() {
  require("network").join(SSID, PASSWORD, function(chisme, options) {
    var down = [];
    options.name = NAME;
    options.onState = function(row) {
      var place = down.indexOf(row.id);
      if (row.state === "down") {
        if (place < 0) down.push(row.id);
        print((row.name || row.address) + " is down");
        digitalWrite(PIN, 1);
      } else if (place >= 0) {
        down.splice(place, 1);
        if (down.length === 0) digitalWrite(PIN, 0);
      }
    };
    return new chisme.Gossip(options);
  });
});
