// A sensor node for ESP32 on Espruino: shares a temperature, and knows the minimum and the maximum of
// the network. README.md in this folder explains how to upload it with the module "chisme".

var SSID = "name of the network";
var PASSWORD = "";
/** Addresses of other nodes, such as "192.168.0.54"; with none, broadcast. */
var SEEDS = [];
var INTERVAL_MS = 10000;
var READING_MS = 30000;
/** Time between two attempts to join the Wi-Fi network. */
var REJOIN_MS = 15000;

/** In °C with one decimal place: a TMP36 on GPIO 34. Put your own reading here: a number, or a map as in README.md. */
function read() {
  return Math.round(analogRead(D34) * 3600 - 500) / 10;
}

var chisme = require("chisme");
var wifi = require("Wifi");
var isJoined = false;
var platform, node, shared;

function joined() {
  isJoined = true;
  print("Wi-Fi joined, address " + wifi.getIP().ip);
  if (node === undefined) {
    startNode();
    share(read());
  } else {
    platform.socket.reopen();
    // A new statement tells the other nodes the new address. The socket is open when Espruino was idle.
    setTimeout(function() { share(read()); }, 1000);
  }
}

function join() {
  if (!isJoined) wifi.connect(SSID, { password: PASSWORD }, function(error) {
    if (error) print("Wi-Fi: " + error);
  });
}

function startNode() {
  platform = chisme.espruinoPlatform();
  var temperatures = chisme.minMax({
    field: "temp",
    onChange: function(minimum, maximum) {
      print("minimum " + minimum + " maximum " + maximum + " of " + temperatures.count + " nodes");
    }
  });
  node = new chisme.Gossip({
    socket: platform.socket,
    clock: platform.clock,
    randomSeed: platform.randomSeed,
    storage: chisme.flashStorage(),
    seedList: SEEDS,
    roundIntervalMs: INTERVAL_MS,
    capacity: 64,
    datagramBytesMax: 1200,
    views: [temperatures],
    onState: function(row) {
      print(row.address + ":" + row.port + " is " + row.state);
    },
    onError: function(code, error) {
      print(code + ": " + error.message);
    }
  });
  node.start();
  print("node " + node.id + ", revision " + node.revision);
  setInterval(function() {
    var reading = read();
    if (JSON.stringify(reading) !== shared) share(reading);
  }, READING_MS);
}

function share(reading) {
  shared = JSON.stringify(reading);
  node.push(reading);
}

wifi.on("connected", joined);
wifi.on("disconnected", function() {
  if (isJoined) print("Wi-Fi lost");
  isJoined = false;
});
E.on("init", function() {
  join();
  setInterval(join, REJOIN_MS);
});
