// A thermometer on Espruino. README.md of examples/ says how to upload it; the module is chisme.min.js.
var SSID = "name of the network";
var PASSWORD = "";
var NAME = "terrace";
var READING_MS = 30000;

/** In °C with one decimal place: a TMP36 on GPIO 34. Put your own reading here. */
function readTemperature() {
  return Math.round(analogRead(D34) * 3600 - 500) / 10;
}

E.on("init", function() {
  require("network").join(SSID, PASSWORD, function(chisme, options) {
    options.name = NAME;
    options.views = [chisme.minMax({
      field: "temp",
      onChange: function(minimum, maximum) { print("from " + minimum + " to " + maximum + " °C"); }
    })];
    var node = new chisme.Gossip(options);
    setTimeout(function() { node.push({ temp: readTemperature() }); }, 1000);
    setInterval(function() { node.push({ temp: readTemperature() }); }, READING_MS);
    return node;
  });
});
