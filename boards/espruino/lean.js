// A sensor node for ESP8266 and other boards with little memory, on Espruino: shares a temperature and
// holds the rows of 7 other nodes. With chisme-lean.min.js it takes about 1,200 of Espruino's variables;
// an ESP8266 has 1,600. README.md in this folder explains more, and how to upload it.

var SSID = "name of the network";
var PASSWORD = "";
/** Addresses of other nodes, such as "192.168.0.54"; with none, broadcast. */
var SEEDS = [];
/** Longest datagram to send. An ESP8266 does not receive more than 268 bytes. */
var DATAGRAM_BYTES = 160;
var READING_MS = 60000;
/** Time between two attempts to join the Wi-Fi network. */
var REJOIN_MS = 15000;

/** In °C with one decimal place: a TMP36 on the first input of the converter. Put your own reading here. */
function readTemperature() {
  return Math.round(analogRead(D0) * 3600 - 500) / 10;
}

var chisme = require("chisme");
var wifi = require("Wifi");
var isJoined = false;
var platform, node;

function joined() {
  isJoined = true;
  if (node === undefined) startNode();
  else platform.socket.reopen();
  node.push(readTemperature());
}

function join() {
  if (!isJoined) wifi.connect(SSID, { password: PASSWORD }, function() {});
}

function startNode() {
  platform = chisme.espruinoPlatform(DATAGRAM_BYTES);
  node = new chisme.Gossip({
    socket: platform.socket,
    clock: platform.clock,
    randomSeed: platform.randomSeed,
    storage: chisme.flashStorage(),
    seedList: SEEDS,
    capacity: 8,
    seedCapacity: 4,
    datagramBytesMax: DATAGRAM_BYTES,
    valueBytesMax: 32,
    onState: function(row) {
      print(row.address + " is " + row.state);
    },
    onError: function(code) {
      print(code);
    }
  });
  node.start();
  setTimeout(read, READING_MS);
}

function read() {
  // Set the next timer first: if memory runs out below, the next reading still takes place.
  setTimeout(read, READING_MS);
  node.push(readTemperature());
}

wifi.on("connected", joined);
wifi.on("disconnected", function() {
  isJoined = false;
});
E.on("init", function() {
  join();
  setInterval(join, REJOIN_MS);
});
