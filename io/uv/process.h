// What the operating system knows of this process.
#pragma once

#include "io/metrics/metrics.h"

namespace patronus::uv {

[[nodiscard]] ProcessFigures process_figures();

}  // namespace patronus::uv
