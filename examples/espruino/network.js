// The module "network" of the sketches in examples/: joins Wi-Fi, joins again after a loss, and gives a sketch the
// options of a node. README.md of examples/ says how to upload it.

/** Time between two attempts to join. */
var REJOIN_MS = 15000;

/** `start` gets the module "chisme" and the options of `Gossip`, and returns the node. It is called once. */
exports.join = function(ssid, password, start) {
  var chisme = require("chisme");
  var wifi = require("Wifi");
  var isJoined = false;
  var platform, node;

  function joined() {
    isJoined = true;
    if (node !== undefined) {
      platform.socket.reopen();
      // A new statement tells the other nodes the new address. The socket is open when Espruino was idle.
      setTimeout(function() { node.push(node.row(node.id).data); }, 1000);
      return;
    }
    platform = chisme.espruinoPlatform();
    node = start(chisme, {
      socket: platform.socket,
      clock: platform.clock,
      randomSeed: platform.randomSeed,
      storage: chisme.flashStorage(),
      capacity: 32,
      onError: function(code, error) { print(code + ": " + error.message); }
    });
    node.start();
  }

  function attempt() {
    if (!isJoined) wifi.connect(ssid, { password: password }, function(error) {
      if (error) print("Wi-Fi: " + error);
    });
  }

  wifi.on("connected", joined);
  wifi.on("disconnected", function() { isJoined = false; });
  attempt();
  setInterval(attempt, REJOIN_MS);
};
