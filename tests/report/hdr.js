// Reads a log with the public HdrHistogram library and prints what it found, a line a histogram.
// usage: node hdr.js LIBRARY LOG
"use strict";
const fs = require("fs");
const hdr = require(process.argv[2]);

const reader = new hdr.HistogramLogReader(fs.readFileSync(process.argv[3], "utf8"));
const out = [];
for (let i = 0; i < 100000; i++) {
    const histogram = reader.nextIntervalHistogram();
    if (!histogram) break;
    out.push({
        count: histogram.totalCount,
        p50: histogram.getValueAtPercentile(50),
        p99: histogram.getValueAtPercentile(99),
        max: histogram.maxValue,
        start_ms: histogram.startTimeStampMsec,
        end_ms: histogram.endTimeStampMsec,
    });
}
console.log(JSON.stringify(out));
