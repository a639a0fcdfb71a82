// Answers for people (aligned lines) or programs (JSON), and errors on standard error.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patronus::ctl {

enum class Format { kTable, kJson };

using Rows = std::vector<std::pair<std::string, std::string>>;

// Names and values, the values one below the other.
void print_rows(const Rows& rows);
// Columns with their names above, each as wide as it must be.
using Table = std::vector<std::vector<std::string>>;
void print_table(const std::vector<std::string>& names, const Table& rows);
// As it is, without an end of line.
void print_bytes(std::string_view bytes);
void print_line(std::string_view text);
// "patronusctl: …" on standard error.
void print_error(std::string_view text);
void print_warning(std::string_view text);

}  // namespace patronus::ctl
