// table: families of variables that turn a harmless program into another one
//! What may not be set, by family, each with the reason that a refusal gives. The allowlist beside it
//! would refuse these too; the families exist so that application settings can be allowed by their
//! words without ever reaching a name that some program acts on.

use super::Source;

/// A family of variables.
pub(super) struct Family {
    /// What such a variable does, as the end of a sentence.
    pub(super) why: &'static str,
    /// The least trusted source that may set one; `None` when nobody may.
    pub(super) by: Option<Source>,
    /// Whole names.
    names: &'static [&'static str],
    /// Beginnings of names.
    prefixes: &'static [&'static str],
    /// Words (parts between underscores) that make a name one of the family wherever they stand.
    words: &'static [&'static str],
}

/// The strictest family of a name; letter case does not matter, because proxies are read in lower case, npm
/// reads any, and Windows knows no difference.
pub(super) fn of(name: &str) -> Option<&'static Family> {
    let name = name.to_ascii_uppercase();
    let name = name.as_str();
    let claims = |family: &&Family| {
        family.names.contains(&name)
            || family.prefixes.iter().any(|prefix| name.starts_with(prefix))
            || name.split('_').any(|word| family.words.contains(&word))
    };
    // Of several the strictest: nobody before the operator before the config.
    FAMILIES.iter().filter(claims).max_by_key(|family| (family.by.is_none(), family.by))
}

const FAMILIES: &[Family] = &[
    Family {
        why: "changes how programs are loaded",
        by: None,
        names: &[
            "GCONV_PATH",
            "LOCPATH",
            "NLSPATH",
            "MALLOC_CHECK_",
            "RES_OPTIONS",
            "LOCALDOMAIN",
            "HOSTALIASES",
            "RESOLV_HOST_CONF",
            "RESOLV_ADD_TRIM_DOMAINS",
            "NIS_PATH",
            "LIBPATH",
            "SHLIB_PATH",
            "GETCONF_DIR",
            "LIBC_FATAL_STDERR_",
            "COMSPEC",
            "SYSTEMROOT",
            "WINDIR",
            "PATHEXT",
            "SYSTEMDRIVE",
            "PSMODULEPATH",
        ],
        prefixes: &[
            "LD_", "DYLD_", "GLIBC_", "MALLOC_", "LIBC_", "_RLD", "MALLOPT", "MUSL_", "JEMALLOC_", "ASAN_", "LSAN_",
            "TSAN_", "UBSAN_", "MSAN_", "OPENSSL_", "P11_KIT_", "LIBGL_", "VK_", "GTK_", "QT_", "GIO_", "GDK_", "GST_",
            "MESA_", "EGL_", "__EGL_", "__GLX_", "CUDA_", "NVIDIA_", "OCL_", "KRB5_", "SASL_", "LADSPA_", "LV2_",
            "VST_", "ALSA_", "PULSE_", "IMAGE_MAGICK_", "MAGICK_", "GEGL_", "BABL_", "PKCS11_", "QEMU_", "SDL_",
            "LIBVA_", "VDPAU_", "GBM_", "WINE", "BOX64_", "BOX86_", "FEX_", "PROTON_", "OPENAL_", "FREI0R_",
            "CLUTTER_", "WEBKIT_", "OMPI_", "PMIX_", "PRTE_", "MPICH_", "I_MPI_", "FI_", "UCX_",
        ],
        words: &["PRELOAD", "LOADER", "LIBRARY", "RPATH", "RUNPATH", "AUDIT"],
    },
    Family {
        why: "is run or read by a shell",
        by: None,
        names: &[
            "ENV", "IFS", "PS0", "PS1", "PS2", "PS3", "PS4", "SHELLOPTS", "BASHOPTS", "SHELL", "CDPATH", "FIGNORE",
            "GLOBIGNORE", "FPATH", "ZDOTDIR", "PROMPT", "RPROMPT", "PROMPT_COMMAND", "PROMPT_DIRTRIM", "FCEDIT",
            "INPUTRC", "READNULLCMD", "NULLCMD", "EXECIGNORE", "TIMEFORMAT", "MAIL", "MAILPATH", "MAILCHECK", "OPTARG",
            "OPTIND", "OPTERR", "RANDOM", "SRANDOM", "LINENO", "SECONDS", "EPOCHSECONDS", "DIRSTACK", "FUNCNAME",
            "FUNCNEST", "PPID", "UID", "EUID", "GROUPS", "PIPESTATUS", "REPLY", "TMOUT", "IGNOREEOF", "COMPREPLY",
            "HOSTFILE", "MAPFILE", "XTRACEFD", "KEYTIMEOUT", "WORDCHARS", "ARGV0", "BASE_PATH", "POSIX_PEDANTIC",
            "STARSHIP_CONFIG", "STARSHIP_SHELL", "OLDPWD", "PWD", "SHLVL", "_",
        ],
        prefixes: &[
            "BASH", "ZSH", "KSH", "FISH_", "__FISH", "HIST", "COMP_", "READLINE_", "DASH_", "TCSH", "POSH_", "NU_",
            "ELVISH_", "XONSH", "OSH_", "YSH_", "PROMPT_", "OMP_TOOL",
        ],
        words: &["SHELL", "FUNC", "XTRACE", "TRAP"],
    },
    Family {
        why: "makes an interpreter load or run other code",
        by: None,
        names: &[
            "NODE_OPTIONS", "CLASSPATH", "PHPRC", "PHP_INI_SCAN_DIR", "R_HOME", "JAVA_HOME", "LUA_INIT",
            "WERKZEUG_RUN_MAIN", "MPLBACKEND", "ERL_FLAGS", "ERL_AFLAGS", "ERL_ZFLAGS", "ERL_LIBS", "TCLLIBPATH",
            "VIRTUAL_ENV", "CONDA_EXE", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "GOGC_HOOK", "COR_ENABLE_PROFILING",
            "COR_PROFILER", "LEIN_JVM_OPTS", "AWKPATH", "AWKLIBPATH", "GAWK_PERSIST_FILE", "MATLABPATH", "OCTAVE_PATH",
            "IPYTHONDIR", "TCL_LIBRARY", "TK_LIBRARY", "TKPATH", "SCHEME_LIBRARY_PATH", "EMACSLOADPATH", "EMACSDATA",
            "GROFF_COMMAND_PREFIX", "MAKEINFO", "M4PATH", "M4PREFIX", "PERLLIB", "PERLIO", "RI", "IRBRC", "PRYRC",
            "PYCHARM_DEBUG",
        ],
        prefixes: &[
            "PYTHON", "PYENV", "PYDEVD", "PYPY", "PYO3_", "JYTHON", "IRONPYTHON", "CONDA", "MAMBA", "POETRY_", "PDM_",
            "HATCH_", "PYTEST_", "COVERAGE_", "TOX_", "NODE_", "NODENV", "NVM_", "FNM_", "VOLTA_", "DENO_", "BUN_",
            "TS_NODE", "ELECTRON_", "PERL", "RUBY", "RBENV", "RVM_", "GEM_", "BUNDLE_", "BUNDLER_", "RAKE", "JAVA_",
            "_JAVA", "JDK_", "JRE_", "JVM_", "IBM_JAVA", "KOTLIN_", "SCALA_", "GROOVY_", "CLOJURE_", "LEIN_",
            "DOTNET_", "CORECLR_", "COMPLUS_", "COR_", "MONO_", "MSBUILD", "NUGET_", "LUA", "LUAJIT", "PHP_",
            "COMPOSER_", "JULIA_", "R_", "RSTUDIO_", "GUILE_", "ERL_", "ELIXIR_", "MIX_", "HEX_", "RACKET_", "PLT",
            "OCAML", "OPAM", "CAML_", "CAML", "GHC", "STACK_", "CABAL_", "HASKELL_", "TCL_", "EXPECT_", "OCTAVE_",
            "MATLAB_", "ASDF_", "MISE_", "RTX_", "SDKMAN_", "JENV_", "FLASK_", "DJANGO_", "GUNICORN_", "UVICORN_",
            "CELERY_", "JUPYTER_", "IPYTHON", "NUMBA_", "SWIFT_", "DART_", "PUB_", "FLUTTER_", "ZIG_", "NIM_",
            "CRYSTAL_", "SBCL_", "GODEBUG", "WASMTIME_", "WASMER_", "RAILS_", "RACK_", "SPRING_",
        ],
        words: &[
            "PRELUDE", "STARTUP", "PLUGIN", "PLUGINS", "MODULE", "MODULES", "EXTENSION", "EXTENSIONS", "HOOK", "HOOKS",
            "BREAKPOINT", "DEBUGGER", "INSPECT", "BYTECODE", "EVAL", "OPTS", "OPTIONS", "FLAGS", "CFLAGS", "LDFLAGS",
            "ARGS", "ARGV", "JVM", "INIT", "AUTOLOAD", "INCLUDE", "REQUIRE", "IMPORT", "BOOTSTRAP", "CLASSLOADER",
            "INTERPRETER", "PYTHON", "NODE", "RUBY", "PERL", "JAVA",
        ],
    },
    Family {
        why: "names a program that another one starts",
        by: None,
        names: &[
            "EDITOR", "VISUAL", "PAGER", "BROWSER", "LESSOPEN", "LESSCLOSE", "LESS", "LESSKEY", "LESSKEYIN",
            "LESSKEY_SYSTEM", "LESSKEY_CONTENT", "LESSEDIT", "LESSSECURE", "MORE", "LV", "MOST_EDITOR", "BAT_PAGER",
            "MANOPT", "MANROFFOPT", "MANLESS", "TEXINPUTS", "TEXMFCNF", "VIMINIT", "EXINIT", "GVIMINIT", "MYVIMRC",
            "NANORC", "VIM", "VIMRUNTIME", "MAILCAPS", "MAILCAP", "MAILER", "RSYNC_RSH", "RSYNC_CONNECT_PROG",
            "CVS_RSH", "SVN_SSH", "HGRCPATH", "HGEDITOR", "HGMERGE", "HGUSER", "BZR_SSH", "BZR_EDITOR", "TAR_OPTIONS",
            "TAPE", "RSH", "RMT", "GZIP", "BZIP", "BZIP2", "XZ_OPT", "XZ_DEFAULTS", "ZIPOPT", "UNZIP", "ZSTD_CLEVEL",
            "GREP_OPTIONS", "GREP_COLOR", "DIFF_OPTIONS", "TERMINFO", "TERMINFO_DIRS", "TERMCAP", "TERMPATH", "TMUX",
            "TMUX_TMPDIR", "SCREENRC", "SCREENDIR", "STY", "WINDOWID", "XINITRC", "XAUTHORITY", "XENVIRONMENT",
            "XAPPLRESDIR", "XUSERFILESEARCHPATH", "FZF_DEFAULT_COMMAND", "FZF_DEFAULT_OPTS", "RIPGREP_CONFIG_PATH",
            "ACKRC", "AG_OPTIONS", "FD_OPTIONS", "JQ_COLORS", "JQ_LIBRARY_PATH", "STRACE", "GDBHISTFILE", "GDBINIT",
            "DEBUGINFOD_URLS", "LLDB_DEBUGSERVER_PATH", "SQLITE_HISTORY", "SQLITERC", "PSQLRC", "PSQL_EDITOR",
            "PSQL_PAGER", "MYSQL_HOME", "MYSQL_HISTFILE", "MYSQL_PS1", "WGETRC", "SYSTEM_WGETRC", "CURL_HOME",
            "CURLRC", "NETRC", "INFOPATH", "MANPATH", "MANSECT", "OPENER", "STEAM_RUNTIME", "NMAPDIR",
        ],
        prefixes: &[
            "GIT", "SSH_", "SSH", "SUDO_", "SUDO", "DOAS_", "GPG_", "GPG", "GNUPG", "PINENTRY", "PASSWORD_STORE_",
            "HG_", "HG", "SVN_", "CVS", "BZR_", "P4", "JJ_", "LESS_", "MAN_", "MANPAGER", "VIM_", "NVIM", "EMACS",
            "ALTERNATE_EDITOR", "DELTA_", "BAT_", "SYSTEMD_", "JOURNAL_", "NOTIFY_", "TMUX_", "SCREEN_", "FZF_",
            "RIPGREP_", "GDB_", "LLDB_", "STRACE_", "LTRACE_", "PERF_", "RSYNC_", "FTP_", "LFTP_", "W3M_", "LYNX_",
            "MUTT_", "GH_", "GLAB_", "HUB_", "XTERM_", "DIRENV_", "FAKEROOT", "FAKECHROOT", "PROOT_", "APT_", "DPKG_",
            "DEB_", "DEBCONF_", "DEBIAN_", "RPM_", "YUM", "DNF_", "PACMAN", "MAKEPKG", "NIX_", "NIXPKGS_", "GUIX_",
            "SNAP_", "FLATPAK_", "CHROME_", "CHROMIUM_", "PUPPETEER_", "PLAYWRIGHT_", "MOZ_", "FIREFOX_", "SELENIUM_",
        ],
        words: &[
            "EDITOR", "VISUAL", "PAGER", "BROWSER", "VIEWER", "ASKPASS", "COMMAND", "COMMANDS", "CMD", "CMDLINE",
            "EXEC", "EXECUTABLE", "EXECPATH", "EXE", "BIN", "BINARY", "PROGRAM", "PROG", "HELPER", "HANDLER",
            "LAUNCHER", "WRAPPER", "RUNNER", "SCRIPT", "SCRIPTS", "OPENER", "DIFFTOOL", "MERGETOOL", "AGENT", "DAEMON",
            "RSH",
        ],
    },
    Family {
        why: "changes what a build or a package manager runs or fetches",
        by: None,
        names: &[
            "CC", "CXX", "CPP", "FC", "F77", "AR", "AS", "LD", "NM", "RANLIB", "STRIP", "OBJCOPY", "OBJDUMP", "YACC",
            "LEX", "FLEX", "BISON", "MAKE", "GMAKE", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "ARFLAGS",
            "OBJC_INCLUDE_PATH", "CPPFLAGS", "CFLAGS", "CXXFLAGS", "FFLAGS", "LDLIBS", "LOADLIBES", "COMPILER_PATH",
            "GCC_EXEC_PREFIX", "GCC_SPECS", "COLLECT_GCC", "DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "LIBS",
            "DESTDIR", "PREFIX", "CROSS_COMPILE", "ARCH", "HOSTCC", "INSTALL", "PKG_CONFIG", "DISTCC_HOSTS",
            "CONFIG_SITE", "CONFIG_SHELL", "AUTOCONF", "AUTOMAKE", "ACLOCAL", "LIBTOOL", "AUTOM4TE", "ACLOCAL_PATH",
            "LINT", "MOCK_CONFIG", "TURBO_API", "EDITORCONFIG", "PREBUILD", "INIT_CWD", "NPM", "NPX", "YARN", "PNPM",
        ],
        prefixes: &[
            "MAKE", "MFLAGS", "GNUMAKE", "CMAKE_", "CTEST_", "NINJA_", "MESON_", "SCONS", "BAZEL_", "BAZELISK_",
            "USE_BAZEL_", "SLURM_", "LMOD_", "SPACK_", "EASYBUILD_", "BUCK_", "CCACHE_", "SCCACHE_", "DISTCC_",
            "ICECC_", "PKG_CONFIG", "GCC_", "CLANG_", "LLVM_", "CARGO_", "CARGO", "RUSTC", "RUSTUP_", "RUSTFLAGS",
            "RUSTDOC", "RUST_", "GOFLAGS", "GOPROXY", "GOPATH", "GOROOT", "GOENV", "GOBIN", "GOMOD", "GOSUM", "GONO",
            "GOPRIVATE", "GOINSECURE", "GOTOOL", "GOCACHE", "GOTMPDIR", "GOVCS", "GOWORK", "GOAUTH", "GOEXPERIMENT",
            "GOEXE", "GOARM", "GOAMD", "GCCGO", "GO_", "GO1", "CGO_", "NPM_", "NPX_", "PNPM_", "YARN_", "COREPACK_",
            "LERNA_", "NX_", "TURBO_", "VITE_", "NEXT_", "NUXT_", "WEBPACK_", "BABEL_", "ESBUILD_", "ESLINT_", "JEST_",
            "PIP_", "PIPX_", "PIPENV_", "UV_", "TWINE_", "FLIT_", "SETUPTOOLS_", "DISTUTILS_", "VIRTUALENV_", "MAVEN_",
            "MVN_", "M2_", "GRADLE_", "ORG_GRADLE_", "ANT_", "SBT_", "COURSIER_", "ANDROID_", "HOMEBREW_", "BREW_",
            "VCPKG_", "CONAN_", "CPAN_", "PERL_MM_", "QMAKE", "XCODE_", "DEVELOPER_DIR", "SDKROOT",
            "MACOSX_DEPLOYMENT", "TF_", "TERRAFORM_", "TERRAGRUNT_", "PACKER_", "VAGRANT_", "ANSIBLE_", "PULUMI_",
            "HELM_", "CHEF_", "PUPPET_", "SALT_", "SKAFFOLD_", "JENKINS_", "GITLAB_", "ACTIONS_", "RUNNER_",
        ],
        words: &[
            "TOOLCHAIN", "COMPILER", "LINKER", "RUSTC", "RUSTFLAGS", "GEMFILE", "MAKEFILE", "REGISTRY", "REGISTRIES",
            "INDEX", "MIRROR", "REPO", "REPOS", "REPOSITORY", "CC", "CXX", "INSTALLER", "SANITIZER",
        ],
    },
    Family {
        why: "changes how programs read their options",
        by: None,
        names: &[],
        prefixes: &["POSIX", "_POSIX"],
        words: &[],
    },
    Family {
        why: "moves where programs find their files",
        by: None,
        names: &[
            "PATH", "HOME", "TMPDIR", "TMP", "TEMP", "TEMPDIR", "USERPROFILE", "HOMEPATH", "HOMEDRIVE", "APPDATA",
            "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "ALLUSERSPROFILE", "LOGNAME", "USER", "USERNAME", "TZDIR",
            "MAGIC", "XCURSOR_PATH", "ICEAUTHORITY", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "AUTOFS", "KRB5CCNAME",
            "ORACLE_HOME", "TNS_ADMIN", "ODBCINI", "ODBCSYSINI", "FREETDS", "INFORMIXDIR", "JAVACMD",
            "SGML_CATALOG_FILES", "XML_CATALOG_FILES", "XML_DEBUG_CATALOG", "DEJAGNU", "SNAPCRAFT", "SITECONFIG",
        ],
        prefixes: &[
            "XDG_", "HOME_", "TMP_", "PATH_", "FONTCONFIG_", "KDE", "GNOME_", "DESKTOP_", "DCONF_", "GSETTINGS_",
        ],
        words: &[],
    },
    Family {
        why: "names a file or folder that some program would read",
        by: Some(Source::Operator),
        names: &[],
        prefixes: &[],
        words: &[
            "PATH", "PATHS", "PATHEXT", "DIR", "DIRS", "DIRECTORY", "FOLDER", "HOME", "ROOT", "BASEDIR", "PREFIX",
            "FILE", "FILES", "FILENAME", "LOCATION", "CONFIG", "CONF", "CFG", "RC", "RCFILE", "INI", "PROFILE",
            "PROFILES", "SETTINGS", "TEMPLATE", "TEMPLATES", "CACHE", "SOURCE", "WORKDIR", "CWD", "PWD", "TMP",
            "TMPDIR", "TEMP", "CATALOG", "OVERRIDE", "OVERRIDES",
        ],
    },
    Family {
        why: "belongs to the gateway itself",
        by: None,
        names: &["MCP_CONFIG", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC"],
        prefixes: &[
            "OPENCLAW", "CLAWDBOT", "CLAWDIS", "MOLTBOT", "MOLT_", "CLAWHUB", "CLAW_", "STOCKADE", "CLAUDE_",
            "CLAUDECODE", "CODEX_", "GEMINI_CLI", "CURSOR_", "AIDER_", "MCP_", "ACP_", "ACPX_",
        ],
        words: &["OPENCLAW", "CLAWDBOT", "MOLTBOT", "STOCKADE", "GATEWAY", "SANDBOX", "APPROVAL", "APPROVALS"],
    },
    Family {
        why: "sends traffic elsewhere or changes which certificates are trusted",
        by: Some(Source::Operator),
        names: &[
            "NO_PROXY", "SSLKEYLOGFILE", "DISPLAY", "WAYLAND_DISPLAY", "HOST", "HOSTNAME", "KUBECONFIG", "NIX_REMOTE",
            "SOCKS", "SOCKS5", "SOCKS_SERVER", "RSYNC_PROXY", "PGHOST", "PGHOSTADDR", "PGSERVICE", "MINIO_ENDPOINT",
        ],
        prefixes: &[
            "DOCKER_", "BUILDKIT_", "BUILDX_", "COMPOSE_", "PODMAN_", "CONTAINER_", "CONTAINERD_", "BUILDAH_",
            "SKOPEO_", "CONTAINERS_", "KUBE", "CRI_", "LXD_", "LIBVIRT_", "VIRSH_", "DBUS_", "CURL_", "WGET_", "SSL_",
            "REQUESTS_", "HTTP_", "HTTPS_", "FTP_PROXY", "ALL_PROXY", "SOCKS_", "GRPC_", "OTEL_", "SENTRY_", "CONSUL_",
            "ETCD", "NOMAD_", "REDIS", "MONGO", "MYSQL_", "PG", "POSTGRES_", "ELASTIC", "KAFKA_", "AMQP_", "SMTP_",
            "CORS_", "NGROK_", "TS_", "TAILSCALE_", "WIREGUARD_",
        ],
        words: &[
            "PROXY", "CA", "CAS", "CAINFO", "CAFILE", "CAPATH", "CERT", "CERTS", "CERTIFICATE", "CERTIFICATES",
            "BUNDLE", "TLS", "SSL", "TRUST", "TRUSTED", "TRUSTSTORE", "KEYSTORE", "VERIFY", "INSECURE", "UNAUTHORIZED",
            "HOST", "HOSTS", "HOSTNAME", "SERVER", "SERVERS", "URL", "URLS", "URI", "ENDPOINT", "ENDPOINTS", "ADDRESS",
            "ADDR", "DOMAIN", "DNS", "REMOTE", "ORIGIN", "UPSTREAM", "WEBHOOK", "SOCK", "SOCKET", "SOCKETS", "BUS",
            "DISPLAY", "DSN", "TUNNEL", "BASE", "NETWORK", "LISTEN", "BIND",
        ],
    },
    Family {
        why: "chooses whose account is used",
        by: Some(Source::Operator),
        names: &["BOTO_CONFIG", "CLOUDSDK_CONFIG", "KAGGLE_USERNAME", "NETRC", "PGPASSFILE", "LITELLM_CONFIG"],
        prefixes: &[
            "AWS_", "AMAZON_", "AZURE_", "ARM_", "GOOGLE_", "GCLOUD_", "GCP_", "GCE_", "CLOUDSDK_", "BOTO_", "OCI_",
            "DIGITALOCEAN_", "DO_", "HCLOUD_", "LINODE_", "CLOUDFLARE_", "CF_", "FLY_", "HEROKU_", "VERCEL_",
            "NETLIFY_", "ALIBABA_", "TENCENT_", "IBMCLOUD_", "OPENSTACK_", "OS_", "VAULT_", "OP_", "BW_", "DOPPLER_",
            "INFISICAL_", "ANTHROPIC", "OPENAI", "GEMINI_", "MISTRAL_", "COHERE_", "GROQ_", "DEEPSEEK_", "OPENROUTER_",
            "XAI_", "AI_GATEWAY", "TOGETHER_", "FIREWORKS_", "PERPLEXITY_", "OLLAMA_", "VLLM_", "LLAMA_", "LITELLM_",
            "HF_", "HUGGING", "BEDROCK_", "VERTEX_", "ELEVENLABS_", "DEEPGRAM_", "BRAVE_", "TAVILY_", "FIRECRAWL_",
            "TELEGRAM_", "DISCORD_", "SLACK_", "WHATSAPP_", "SIGNAL_", "MATRIX_", "TWILIO_", "STRIPE_", "SENDGRID_",
            "GITHUB_", "WANDB_", "KAGGLE_", "SOPS_", "AGE_",
        ],
        words: &["CREDENTIAL", "CREDENTIALS", "IDENTITY", "ACCOUNT", "ROLE", "IMPERSONATE", "TENANT"],
    },
    Family {
        why: "is a credential",
        by: Some(Source::Agent),
        names: &[],
        prefixes: &[],
        words: &[
            "TOKEN", "TOKENS", "KEY", "KEYS", "APIKEY", "KEYFILE", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS",
            "PASSWD", "PASSPHRASE", "PASS", "PIN", "OTP", "TOTP", "AUTH", "AUTHORIZATION", "BEARER", "COOKIE",
            "COOKIES", "SESSION", "PRIVATE", "SIGNING", "SIGNATURE", "SALT", "JWT", "OAUTH", "LOGIN",
        ],
    },
];
