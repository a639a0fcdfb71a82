// A site's end of the probes as a process: it serves until a signal ends it.
#pragma once

#include <string>

#include "io/patronusctl/output.h"

namespace patronus::ctl {

struct ProbeResponder {
  std::string site;
  std::string key_file;
  std::string listen;
};

// Prints one line when it is ready, its counts at SIGUSR1 and when SIGTERM or SIGINT ends it. Returns the
// exit code.
[[nodiscard]] int run_probe_responder(const ProbeResponder& given, Format format);

}  // namespace patronus::ctl
