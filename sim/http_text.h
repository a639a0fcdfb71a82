// HTTP as the simulated clients speak it: just enough to read answers.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patronus::sim {

struct HttpAnswer {
  int status = 0;
  std::string headers;
  std::string body;
};

inline uint64_t number_after(std::string_view text, std::string_view what) {
  const size_t at = text.find(what);
  if (at == std::string_view::npos) return 0;
  uint64_t value = 0;
  const char* begin = text.data() + at + what.size();
  std::from_chars(begin, text.data() + text.size(), value);
  return value;
}

// What stands between two texts, the first of each; empty if it is not there.
inline std::string text_between(std::string_view text, std::string_view before, std::string_view after) {
  const size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + before.size();
  const size_t end = text.find(after, begin);
  return end == std::string_view::npos ? std::string() : std::string(text.substr(begin, end - begin));
}

// Takes a whole answer off the front of the input, if there is one.
inline std::optional<HttpAnswer> take_answer(std::string& input) {
  const size_t end = input.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  HttpAnswer answer;
  answer.headers = input.substr(0, end + 2);
  answer.status = static_cast<int>(number_after(answer.headers, "HTTP/1.1 "));
  const size_t length = number_after(answer.headers, "Content-Length: ");
  if (input.size() < end + 4 + length) return std::nullopt;
  answer.body = input.substr(end + 4, length);
  input.erase(0, end + 4 + length);
  return answer;
}

// The one administrator, as whom all simulated clients log in.
inline constexpr std::string_view kSimEmail = "root@sim.example";
inline constexpr std::string_view kSimPassword = "the simulated password";

inline std::string json_post(std::string_view path, std::string_view headers, const std::string& body) {
  std::string text = "POST " + std::string(path) + " HTTP/1.1\r\nHost: sim\r\n" + std::string(headers);
  if (!body.empty()) text += "Content-Type: application/json\r\n";
  return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string login_request() {
  return json_post(
      "/api/v1/auth/login", "",
      R"({"email":")" + std::string(kSimEmail) + R"(","password":")" + std::string(kSimPassword) + R"("})");
}

}  // namespace patronus::sim
