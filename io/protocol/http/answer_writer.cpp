#include "io/protocol/http/answer_writer.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "io/protocol/http/syntax.h"

namespace patronus::http {
namespace {

void put_digits(char* at, int64_t value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

bool is_own_header(std::string_view name) {
  return equals_ignoring_case(name, "content-length") || equals_ignoring_case(name, "connection") ||
         equals_ignoring_case(name, "date") || equals_ignoring_case(name, "transfer-encoding");
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

void append_header(std::string& out, const Header& header) {
  if (!is_token(header.name) || is_own_header(header.name)) return;
  out.append(header.name).append(": ");
  const size_t begin = out.size();
  out.append(header.value);
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), is_control, ' ');
  out.append("\r\n");
}

void append_number(std::string& out, uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

std::string_view DateText::at(WallTime wall) {
  constexpr int64_t kLastSecond = 253402300799;  // the end of the year 9999
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const int64_t second = std::clamp<int64_t>(wall.unix_ms / 1000, 0, kLastSecond);
  if (second == second_) return {text_.data(), text_.size()};
  second_ = second;
  const std::chrono::sys_days day{std::chrono::days(static_cast<int>(second / 86400))};
  const std::chrono::year_month_day date(day);
  const int64_t in_day = second % 86400;
  std::copy_n("Sun, 06 Nov 1994 08:49:37 GMT", kSize, text_.begin());
  std::copy_n(kDays.begin() + size_t{3} * std::chrono::weekday(day).c_encoding(), 3, text_.begin());
  put_digits(&text_[5], static_cast<unsigned>(date.day()), 2);
  std::copy_n(kMonths.begin() + size_t{3} * (static_cast<unsigned>(date.month()) - 1), 3, &text_[8]);
  put_digits(&text_[12], static_cast<int>(date.year()), 4);
  put_digits(&text_[17], in_day / 3600, 2);
  put_digits(&text_[20], in_day / 60 % 60, 2);
  put_digits(&text_[23], in_day % 60, 2);
  return {text_.data(), text_.size()};
}

void append_answer(std::string& out, const Response& answer, const AnswerFrame& frame) {
  const int status = answer.status >= 200 && answer.status <= 999 ? answer.status : 500;
  const bool is_bodiless = status == 204 || status == 205 || status == 304;
  size_t estimate = 160 + (frame.is_head ? 0 : answer.body.size());
  for (const Header& header : answer.headers) estimate += header.name.size() + header.value.size() + 4;
  // Growing by doubling, as append would, and never to the exact size, which would copy all for each answer.
  if (out.capacity() - out.size() < estimate)
    out.reserve(std::max(out.size() + estimate, out.capacity() * 2));
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<uint64_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\n");
  for (const Header& header : answer.headers) append_header(out, header);
  // 304 would tell the length of what it stands for (RFC 9110 section 8.6); no body given means not known.
  if (status != 204 && (status != 304 || !answer.body.empty())) {
    out.append("Content-Length: ");
    append_number(out, status == 205 ? 0 : answer.body.size());
    out.append("\r\n");
  }
  if (frame.date) out.append("Date: ").append(*frame.date).append("\r\n");
  if (frame.close) {
    out.append("Connection: close\r\n");
  } else if (frame.say_keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  if (!frame.is_head && !is_bodiless) out.append(answer.body);
}

}  // namespace patronus::http
