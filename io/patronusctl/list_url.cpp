#include "io/patronusctl/list_url.h"

#include <vector>

#include "io/patronusctl/authority_directory.h"
#include "io/patronusctl/files.h"
#include "io/tls/issue.h"

namespace patronus::ctl {
namespace {

// As nodes and the balancer serve it (io/api/router.cpp).
constexpr const char* kPath = "/pki/ca.crl";
constexpr const char* kNodePort = ":8443";

std::string made_up(const IssueOptions& options) {
  std::vector<std::string> names;
  if (!options.host.empty()) names.push_back(options.host);
  names.insert(names.end(), options.names.begin(), options.names.end());
  if (tls::is_dns_name(options.node)) names.push_back(options.node);
  for (const std::string& name : names) {
    if (name.starts_with("*")) continue;  // which is no place
    const bool is_ipv6 = name.find(':') != std::string::npos;
    return "https://" + (is_ipv6 ? "[" + name + "]" : name) + (options.host.empty() ? kNodePort : "") + kPath;
  }
  return "";
}

}  // namespace

std::string check_list_url(const std::string& url) {
  if (url.empty() || url == kNoListUrl || tls::is_crl_url(url)) return "";
  return "--crl-url '" + url +
         "' is no address; use for example https://dashboard.example.org/pki/ca.crl, or none";
}

std::variant<std::string, ListUrlFault> list_url_of(const IssueOptions& options) {
  std::string url = options.list_url;
  const std::string path = below(options.directory, kListUrlFile);
  if (url.empty() && is_there(path)) {
    ReadFile file = read_small_file(path);
    if (!file.error.empty()) return ListUrlFault{file.error};
    url = std::move(file.content);
    while (!url.empty() && (url.back() == '\n' || url.back() == '\r' || url.back() == ' ')) url.pop_back();
    if (url.empty() || !check_list_url(url).empty()) {
      return ListUrlFault{"'" + path + "' holds no address; write one into it such as " +
                          "https://dashboard.example.org/pki/ca.crl, or none, or delete it"};
    }
  }
  if (url.empty()) url = made_up(options);
  return url == kNoListUrl ? std::string() : url;
}

}  // namespace patronus::ctl
