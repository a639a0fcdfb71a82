#include "io/config/time_text.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace patronus {
namespace {

// Takes digits off the front, exactly this many.
bool take_number(std::string_view& text, size_t digits, int& number) {
  if (text.size() < digits) return false;
  number = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, int& ms) {
  ms = 0;
  if (!take(text, '.')) return true;
  int digits = 0;
  for (int unit = 100; !text.empty() && text[0] >= '0' && text[0] <= '9'; unit /= 10, ++digits) {
    ms += (text[0] - '0') * unit;
    text.remove_prefix(1);
  }
  return digits >= 1 && digits <= 9;
}

bool take_offset(std::string_view& text, int& minutes) {
  minutes = 0;
  if (take(text, 'Z')) return true;
  const int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
  int hours = 0;
  int rest = 0;
  if (sign == 0 || !take_number(text, 2, hours) || !take(text, ':') || !take_number(text, 2, rest))
    return false;
  minutes = sign * (hours * 60 + rest);
  return hours <= 23 && rest <= 59;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  int offset = 0;
  const bool is_read = take_number(text, 4, year) && take(text, '-') && take_number(text, 2, month) &&
                       take(text, '-') && take_number(text, 2, day) && take(text, 'T') &&
                       take_number(text, 2, hour) && take(text, ':') && take_number(text, 2, minute) &&
                       take(text, ':') && take_number(text, 2, second) && take_fraction(text, ms) &&
                       take_offset(text, offset) && text.empty();
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!is_read || !date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + ms;
}

std::string format_time(int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const size_t n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + n, text.size() - n, ".%03dZ", static_cast<int>(unix_ms % 1000));
  return text.data();
}

int64_t wall_now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace patronus
