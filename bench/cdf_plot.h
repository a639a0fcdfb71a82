// Cumulative distributions over a logarithmic axis of time, as a drawing (SVG).
#pragma once

#include <string>
#include <vector>

namespace patronus::bench {

struct CdfLine {
  std::string name;
  std::vector<double> ms;  // sorted; those that took longer than was waited for are not among them
  size_t trials = 0;       // with them
};
struct CdfPanel {
  std::string title;
  double from_ms = 10;
  double to_ms = 100'000;
  std::vector<CdfLine> lines;
};

[[nodiscard]] std::string cdf_plot(const std::string& title, const std::vector<CdfPanel>& panels);

}  // namespace patronus::bench
