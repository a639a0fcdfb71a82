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

void print_table(const std::vector<std::string>& names, const Table& rows) {
  std::vector<size_t> widths;
  for (const std::string& name : names) widths.push_back(name.size());
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    print_line(line);
  };
  print(names);
  for (const std::vector<std::string>& row : rows) print(row);
}

void print_bytes(std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); }

void print_error(std::string_view text) {
  std::fprintf(stderr, "patronusctl: %.*s\n", static_cast<int>(text.size()), text.data());
}

void print_warning(std::string_view text) { print_error("warning: " + std::string(text)); }

}  // namespace patronus::ctl
