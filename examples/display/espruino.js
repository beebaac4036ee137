// All nodes in Espruino's console. README.md of examples/ says how to upload it; the module is chisme.min.js.
var SSID = "name of the network";
var PASSWORD = "";
var NAME = "display";

E.on("init", function() {
  require("network").join(SSID, PASSWORD, function(chisme, options) {
    var shown = "";
    function update() {
      var text = node.rows().filter(function(row) { return row.id !== node.id; }).map(function(row) {
        var value = row.data === undefined ? "" : " " + JSON.stringify(row.data);
        // Nothing tells when the probe of a node is over.
        var state = row.state === "probed" ? "up" : row.state;
        return (row.name || row.address) + " " + state + value;
      }).sort().join("\n");
      if (text !== shown) print(text);
      shown = text;
    }
    options.name = NAME;
    options.onUpdate = update;
    options.onState = update;
    options.onForget = update;
    var node = new chisme.Gossip(options);
    return node;
  });
});
