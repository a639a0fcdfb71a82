// One HTTP request and its answer, over libcurl: HTTPS checked against the cluster's authority, within a
// time, without redirects and without proxies.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/time.h"

namespace patronus::ctl {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  bool has_body = false;
};

struct HttpReply {
  // 0: there was no answer, and `error` says why.
  int status = 0;
  std::string error;
  bool was_sent = false;  // of one without an answer: the node may have got the request
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  // The first value of this header (lower case), or empty.
  std::string_view header(std::string_view name) const;
};

class HttpClient {
 public:
  // `ca`: a file of authorities; empty: those of the system. `timeout`: of a whole request.
  HttpClient(std::string ca, Duration timeout);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // An answer longer than limits::kCtlAnswerBytesMax counts as none.
  [[nodiscard]] HttpReply ask(const HttpRequest& request);

 private:
  std::string ca_;
  Duration timeout_;
  void* handle_;  // a CURL easy handle: connections are kept between requests
};

}  // namespace patronus::ctl
