#include "io/patronusctl/output.h"

#include <algorithm>
#include <cstdio>

namespace patronus::ctl {

void print_line(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

void print_rows(const Rows& rows) {
  size_t width = 0;
  for (const auto& [name, value] : rows) width = std::max(width, name.size());
  for (const auto& [name, value] : rows) {
    std::string line = name;
    line.append(width - name.size() + 2, ' ').append(value);
    print_line(line);
  }
}

void print_error(std::string_view text) {
  std::fprintf(stderr, "patronusctl: %.*s\n", static_cast<int>(text.size()), text.data());
}

void print_warning(std::string_view text) { print_error("warning: " + std::string(text)); }

}  // namespace patronus::ctl
