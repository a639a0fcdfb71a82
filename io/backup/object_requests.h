// Requests about objects over HTTP, by libcurl: what S3 and Azure have in common. How a request is signed is
// theirs.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/backup/objects.h"
#include "io/backup/xml.h"

namespace patronus::backup {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePointer = std::unique_ptr<std::FILE, CloseFile>;

// RFC 3986's unreserved characters stay, as signatures demand.
[[nodiscard]] std::string uri_encoded(std::string_view text, bool keep_slashes);

// The first of these variables of the environment that is not empty.
[[nodiscard]] std::string from_environment(const char* first, const char* second);

// A file to be sent, at its beginning, with the digest of all of it: it is part of the request, so that
// nothing else is stored than what was sent.
struct Upload {
  FilePointer file;
  uint64_t bytes = 0;
  std::string digest;
};
[[nodiscard]] std::variant<Upload, std::string> open_upload(const std::string& path, const EVP_MD* kind);

struct ObjectRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // name: value
  std::string aws_signature;         // with aws_user, for libcurl to sign it; empty: it is signed already
  std::string aws_user;
  const Upload* upload = nullptr;
};

class ObjectRequests {
 public:
  ObjectRequests();

  // A DELETE of what is not there succeeds.
  [[nodiscard]] Fault perform(const ObjectRequest& request, std::string& answer);
  // Has the answer written to this file; of one that fails nothing stays.
  [[nodiscard]] Fault download(const ObjectRequest& request, const std::string& to_file);

 private:
  struct CloseCurl {
    void operator()(void* curl) const;
  };
  struct Sink;
  [[nodiscard]] Fault run(const ObjectRequest& request, Sink& sink);

  std::unique_ptr<void, CloseCurl> curl_;  // a CURL easy handle: connections are kept between requests
};

// Puts together what is directly in the folder, from as many pages as there are. `page` reads one: of names
// that begin with this prefix, from this continuation on.
using ReadPage =
    std::function<std::variant<ListPage, std::string>(const std::string& prefix, const std::string& from)>;
[[nodiscard]] std::variant<Listing, std::string> list_pages(const Target& target, const std::string& folder,
                                                            const ReadPage& page);

// The number in this element; nothing if it is none.
[[nodiscard]] std::optional<uint64_t> number_of(const XmlElement* element);

}  // namespace patronus::backup
