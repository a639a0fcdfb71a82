// The cluster as a command sees it: whichever endpoint answers, asked as whoever is logged in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/json/value.h"
#include "io/patronusctl/http_client.h"
#include "io/patronusctl/output.h"
#include "io/patronusctl/session_file.h"

namespace patronus::ctl {

// What is said on the command line or in the environment for all verbs.
struct Connection {
  std::vector<std::string> endpoints;  // empty: those of the session, else https://127.0.0.1:8443
  std::string ca;                      // empty: the session's, else the system's
  std::string token;                   // empty: the session's
  std::string timeout = "10s";
  Format format = Format::kTable;
};

struct Question {
  std::string method = "GET";
  std::string path;  // with its query
  std::optional<std::string> body;
  std::string content_type = "application/json";
  std::vector<std::string> headers;
  bool with_token = true;
  // It may be asked of the next endpoint though the one before may have got it.
  bool is_safe_to_repeat = false;
};

class Cluster {
 public:
  explicit Cluster(const Connection& connection);

  // Nothing if the connection's settings are good; else what is wrong, in one line.
  [[nodiscard]] const std::optional<std::string>& fault() const { return fault_; }

  // The first answer that an endpoint gives. One that is not reached, or that refuses for now without having
  // done anything (503), makes way for the next. An access token that has expired is refreshed first.
  [[nodiscard]] HttpReply ask(const Question& question);
  // The same of one node, by its address: a drain is meant for that one and no other.
  [[nodiscard]] HttpReply ask_node(const std::string& address, const Question& question);

  const std::vector<std::string>& endpoints() const { return endpoints_; }
  const std::string& ca() const { return ca_; }
  const std::optional<StoredSession>& session() const { return session_; }
  Format format() const { return format_; }

 private:
  // True if the session was begun there: at one of these endpoints, or with the authority that proves them.
  // Its tokens go to nobody else.
  bool is_of(const StoredSession& session) const;
  HttpReply ask_at(const std::string& endpoint, const Question& question);
  bool refresh();
  HttpReply ask_all(const std::vector<std::string>& endpoints, const Question& question);
  HttpReply ask_as_user(const std::vector<std::string>& endpoints, const Question& question);

  std::optional<std::string> fault_;
  std::vector<std::string> endpoints_;
  std::string ca_;
  std::string token_;
  bool token_is_given_ = false;
  Format format_;
  std::optional<StoredSession> session_;
  std::optional<HttpClient> http_;
};

// The refresh token that came as a cookie, or empty.
[[nodiscard]] std::string refresh_cookie_of(const HttpReply& reply);
// The body as a JSON object; an empty one if it is none.
[[nodiscard]] picojson::value json_of(const HttpReply& reply);
// A member as text: strings as they are, numbers and booleans in words, "-" for null or none.
[[nodiscard]] std::string text_of(const picojson::value& object, const std::string& member);
[[nodiscard]] bool is_true(const picojson::value& object, const std::string& member);
// Says on standard error what an answer that is no success means and what would do; returns the exit code.
[[nodiscard]] int explain(const HttpReply& reply);
// Prints the JSON of an answer as it came.
void print_json(const HttpReply& reply);
// A segment of a path, escaped.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace patronus::ctl
