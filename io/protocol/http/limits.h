// What one HTTP connection may cost, in bytes, requests and time.
#pragma once

#include <chrono>
#include <cstddef>

#include "core/base/time.h"

namespace patronus::http {

struct Limits {
  size_t target_bytes_max = 8192;
  size_t header_bytes_max =
      16384;  // all header lines of a request with their line ends; its trailers likewise
  size_t header_count_max = 100;
  size_t body_bytes_max = 1572864;
  size_t pipeline_max = 16;  // requests taken from the input whose answers aren't in the output yet
  size_t output_high_water_bytes = 1048576;  // output not yet written above which no new request is begun
  size_t paused_input_bytes_max = 1048576;   // input kept while no request is begun; more ends the connection
  Duration header_timeout = std::chrono::seconds(10);  // from the first byte (at first: from accepting) to
                                                       // the end of the headers
  Duration body_timeout = std::chrono::seconds(30);    // from the end of the headers to the end of the body
  Duration idle_timeout = std::chrono::seconds(75);    // between requests
  Duration write_timeout = std::chrono::seconds(30);   // with output pending and nothing written
};

}  // namespace patronus::http
