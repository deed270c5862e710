"""The menu of everything a developer or the continuous integration runs; `nox -l` prints it.

Start it with `uv run nox`.  Sessions use the project's own environment, except those that prove
that something works outside of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
COMPILED = ROOT / "packages" / "dativo-pgcopy"
"""Needs a Rust compiler, so it is no member of the workspace and has a session of its own."""
PACKAGES = sorted(
    path.parent.name for path in ROOT.glob("packages/*/pyproject.toml") if path.parent != COMPILED
)
OTHER_PYTHONS = ("3.12", "3.13")

nox.needs_version = ">=2026.4"
nox.options.default_venv_backend = "none"
nox.options.error_on_external_run = False


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format and import rules."""
    _tool(session, "ruff", "check")
    _tool(session, "ruff", "format", "--check")
    _tool(session, "lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check all types with mypy and pyright."""
    _tool(session, "mypy")
    _tool(session, "mypy", "noxfile.py")
    for folder in _test_folders():
        # One run per folder: tests are no packages, and two folders may hold the same file name.
        _tool(session, "mypy", str(folder), env={"MYPYPATH": str(folder)})
    _tool(session, "pyright")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests with coverage on this Python; arguments go to pytest."""
    _tool(session, "coverage", "erase")
    _tool(session, "coverage", "run", "-m", "pytest", *session.posargs)
    _tool(session, "coverage", "combine", "--quiet")
    for unreadable in ROOT.glob(".coverage.*"):
        unreadable.unlink()  # of a program that a test killed while it wrote
    if session.posargs:
        _tool(session, "coverage", "report")
        return
    for package, least in _settings()["coverage"].items():
        session.log(f"branch coverage of {package}, at least {least} %")
        sources = f"packages/{package}/src/*"
        _tool(session, "coverage", "report", f"--include={sources}", f"--fail-under={least}")


@nox.session(default=False)
def long(session: nox.Session) -> None:
    """Run the tests marked slow with all their seeds, rounds and moments."""
    full = {"DATIVO_TEST_FIGURES": "full"}
    _tool(session, "pytest", "-m", "slow", *session.posargs, env=full)
    if _has_cargo(session):
        _cargo(session, "test", "--no-default-features", "--test", "fuzz", env=full)


@nox.session
def wheels(session: nox.Session) -> None:
    """Build each package and install its wheel alone into a clean environment."""
    with tempfile.TemporaryDirectory(prefix="dativo-wheels-") as name:
        folder = Path(name)
        _build_wheels(session, folder)
        for package in PACKAGES:
            python = _make_environment(session, folder, package)
            check = "tests/packaging/check_installed.py"
            session.run(python, "-I", check, package, external=True)
            session.run(str(Path(python).with_name("dativo")), "--version", external=True)


@nox.session
def pgcopy(session: nox.Session) -> None:
    """Check, build, install and test the compiled reader where there is a Rust compiler."""
    if not _has_cargo(session):
        return
    _cargo(session, "fmt", "--check")
    for features in ((), ("--no-default-features",)):
        _cargo(session, "clippy", "--locked", "--all-targets", *features, "--", "--deny=warnings")
    _cargo(session, "test", "--locked", "--no-default-features")
    with tempfile.TemporaryDirectory(prefix="dativo-pgcopy-") as name:
        folder = Path(name)
        _build_wheels(session, folder)
        wheel = _build_compiled(session, folder)
        others = ("dativo-connector-postgres", "dativo-core[testing]", str(ROOT / "tests/support"))
        python = _make_environment(session, folder, str(wheel), *others)
        # All tests of the connector, and those that compare its two readers.
        tests = (str(COMPILED / "tests"), "packages/dativo-connector-postgres/tests")
        reader = {"DATIVO_TEST_READER": "compiled"}
        session.run(python, "-m", "pytest", *session.posargs, *tests, env=reader, external=True)
    session.log("dativo-pgcopy was built and tested")


@nox.session(default=False)
def drivers(session: nox.Session) -> None:
    """Run the tests of the Postgres connector with the newest ADBC driver, which is left out."""
    with tempfile.TemporaryDirectory(prefix="dativo-drivers-") as name:
        folder = Path(name)
        _build_wheels(session, folder)
        others = ("dativo-core[testing]", str(ROOT / "tests/support"))
        python = _make_environment(session, folder, "dativo-connector-postgres", *others)
        newest = ("--no-deps", "--upgrade", "adbc-driver-postgresql<2")
        _uv(session, "pip", "install", "--quiet", "--python", python, *newest)
        tests = "packages/dativo-connector-postgres/tests"
        session.run(python, "-m", "pytest", *session.posargs, tests, external=True)


@nox.session(default=False)
def pythons(session: nox.Session) -> None:
    """Run all tests on the other supported Pythons that this machine has, and say which."""
    found = {version: _find_python(version) for version in OTHER_PYTHONS}
    for version, python in found.items():
        if python is None:
            continue
        environment = str(ROOT / ".nox" / f"environment-{version}")
        settings = {"UV_PROJECT_ENVIRONMENT": environment, "UV_PYTHON": python}
        _uv(session, "sync", "--quiet", env=settings)
        session.run(f"{environment}/bin/python", "-m", "pytest", *session.posargs, external=True)
    ran = ", ".join(version for version, python in found.items() if python) or "none"
    missing = ", ".join(version for version, python in found.items() if not python) or "none"
    session.log(f"tests passed on: {ran}; not found on this machine, so not tested: {missing}")


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Move a whole shop to Parquet and read it back, or the example that `-- NAME` names."""
    name = session.posargs[0] if session.posargs else "quickstart"
    demo, needed = f"examples/{name}/demo.py", ROOT / "examples" / name / "requirements.txt"
    if not needed.exists():
        session.run(sys.executable, demo, external=True)
        return
    with tempfile.TemporaryDirectory(prefix="dativo-demo-") as folder:
        _build_wheels(session, Path(folder))
        python = _make_environment(session, Path(folder), *needed.read_text().split())
        session.run(python, demo, external=True)


@nox.session
def examples(session: nox.Session) -> None:
    """Build each example plugin, install it from wheels into a clean environment and test it."""
    projects = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))
    if not projects:
        session.skip("there is no example plugin yet")
    with tempfile.TemporaryDirectory(prefix="dativo-examples-") as name:
        folder = Path(name)
        _build_wheels(session, folder)
        for project in projects:
            _uv(
                session,
                "build",
                "--quiet",
                "--wheel",
                "--out-dir",
                f"{name}/examples",
                str(project),
            )
            (wheel,) = (folder / "examples").glob("*.whl")
            python = _make_environment(session, folder, str(wheel), "dativo-core[testing]")
            # A project without settings for pytest must not get those of this repository.
            settings = str(project / "pyproject.toml")
            session.run(python, "-m", "pytest", "--config-file", settings, str(project))
            wheel.unlink()


@nox.session(default=False)
def scaffold(session: nox.Session) -> None:
    """Write a connector of each kind, build and install it elsewhere, and prove it, untouched."""
    with tempfile.TemporaryDirectory(prefix="dativo-scaffold-") as name:
        folder = Path(name)
        _build_wheels(session, folder)
        for kind in ("source", "writer"):
            project = folder / f"acme-{kind}"
            new = ("plugins", "new", project.name, "--kind", kind, "--path", str(project))
            _tool(session, "dativo", *new)
            built = str(folder / kind)
            _uv(session, "build", "--quiet", "--wheel", "--out-dir", built, str(project))
            (wheel,) = Path(built).glob("*.whl")
            python = _make_environment(session, folder, str(wheel), "dativo-core[testing]")
            with session.chdir(project):
                _tool(session, "ruff", "check")
                _tool(session, "ruff", "format", "--check")
                _tool(session, "mypy", "--python-executable", python)
                _tool(session, "pyright", "--pythonpath", python)
                session.run(python, "-m", "dativo", "plugins", "list", external=True)
                session.run(python, "-m", "pytest", external=True)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Kill, starve and confuse real runs and count the damage; `-- --help` shows the arguments."""
    session.run(sys.executable, "tests/faults/run.py", *session.posargs, external=True)


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """Change the conformance kit at random places; `-- --help` shows the arguments."""
    environment = ROOT / ".nox" / "mutation"
    _uv(session, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    _uv(session, "pip", "install", "--quiet", "--python", python, "cosmic-ray==8.7.*")
    session.run(sys.executable, "tests/mutation/run.py", python, *session.posargs, external=True)


@nox.session(default=False)
def localstripe(session: nox.Session) -> None:
    """Read from localstripe, a server by others that stands apart from our environment."""
    environment = ROOT / ".nox" / "localstripe"
    _uv(session, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    _uv(session, "pip", "install", "--quiet", "--python", python, "localstripe==1.15.*")
    session.run(sys.executable, "tests/outside/localstripe.py", python, external=True)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure and print the figures of benchmarks/README.md; `-- --help` shows the arguments."""
    folder = ROOT / ".nox" / "bench"
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    _build_wheels(session, folder / "wheels")
    compiled = _build_compiled(session, folder / "wheels") if _has_cargo(session) else None
    session.run(sys.executable, "benchmarks/plugins.py", str(folder / "wheels"), external=True)
    for name in ("dativo", "many"):
        _make_bench_environment(session, folder, name)
    if compiled is not None:
        _bench_install(session, folder / "dativo", "--no-deps", str(compiled))
    plugins = str(folder / "wheels" / "plugins.txt")
    _bench_install(session, folder / "many", "--no-deps", "--requirements", plugins)
    _make_peers(session, folder / "peers")
    chosen = ["--environments", str(folder), *session.posargs]
    session.run(sys.executable, "benchmarks/run.py", *chosen, external=True)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Renew the generated pages and run everything that the documentation claims."""
    session.run(sys.executable, "docs/generate.py", external=True)
    _tool(session, "pytest", "tests/docs")


@nox.session(default=False)
def constraints(session: nox.Session) -> None:
    """Renew constraints.txt: the newest versions that fit, without addresses."""
    command = ["export", "--quiet", "--upgrade", "--no-hashes", "--no-header", "--no-annotate"]
    command += ["--no-emit-workspace", "--all-groups", "--all-extras"]
    lines = _uv(session, *command, silent=True)
    heading = "# What the continuous integration installs; renewed by `nox -s constraints`.\n"
    (ROOT / "constraints.txt").write_text(heading + str(lines))


def _tool(
    session: nox.Session, name: str, *arguments: str, env: dict[str, str] | None = None
) -> None:
    """Run a tool of the environment that nox itself runs in."""
    program = Path(sys.executable).with_name(name)
    session.run(str(program), *arguments, env=env, external=True)


_CARGO_ENVIRONMENT = {"CARGO_TARGET_DIR": str(ROOT / ".nox" / "cargo")}


def _has_cargo(session: nox.Session) -> bool:
    """Tell whether there is a Rust compiler, and say what follows if there is none."""
    cargo = shutil.which("cargo")
    # That of rustup stands there even where no toolchain is installed for this home.
    found = cargo is not None and not subprocess.run([cargo, "--version"], check=False).returncode
    if not found:
        session.log("there is no cargo here, so dativo-pgcopy is neither built nor tested")
    return found


def _cargo(session: nox.Session, *arguments: str, env: dict[str, str] | None = None) -> None:
    with session.chdir(COMPILED):
        environment = {**_CARGO_ENVIRONMENT, **(env or {})}
        session.run("cargo", *arguments, env=environment, external=True)


def _uv(
    session: nox.Session,
    *arguments: str,
    env: dict[str, str] | None = None,
    silent: bool = False,
    success_codes: tuple[int, ...] = (0,),
) -> object:
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        session.error("this session needs uv; start it with: uv run nox")
    return session.run(
        program, *arguments, env=env, silent=silent, success_codes=success_codes, external=True
    )


def _settings() -> dict[str, dict[str, int]]:
    settings: dict[str, dict[str, int]] = tomllib.loads((ROOT / "pyproject.toml").read_text())[
        "tool"
    ]["dativo-dev"]
    return settings


def _test_folders() -> list[Path]:
    candidates = [
        *ROOT.glob("packages/*/tests"),
        *ROOT.glob("tests/*"),
        ROOT / "tests/support/tests",
    ]
    found = {file.parent for path in candidates for file in path.rglob("*.py")}
    return sorted(path.relative_to(ROOT) for path in found if "src" not in path.parts)


def _build_wheels(session: nox.Session, folder: Path) -> None:
    for package in PACKAGES:
        _uv(session, "build", "--quiet", "--wheel", "--package", package, "--out-dir", str(folder))
    # Pin our own packages to these files, so that no index can answer for them.
    ours = (f"{path.name.split('-')[0]} @ {path.as_uri()}\n" for path in folder.glob("*.whl"))
    (folder / "ours.txt").write_text("".join(sorted(ours)))


def _build_compiled(session: nox.Session, folder: Path) -> Path:
    """Build the wheel of what is written in Rust."""
    build = ("build", "--quiet", "--wheel", "--out-dir", str(folder), str(COMPILED))
    _uv(session, *build, env=_CARGO_ENVIRONMENT)
    (wheel,) = folder.glob("dativo_pgcopy-*.whl")
    return wheel


def _make_environment(session: nox.Session, wheels: Path, package: str, *others: str) -> str:
    """Make an environment that holds *package* and what it needs; return its Python."""
    environment = wheels / f"environment-{Path(package).stem}"
    _uv(session, "venv", "--quiet", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    command = ["pip", "install", "--quiet", "--python", python]
    command += ["--constraints", "constraints.txt", "--constraints", str(wheels / "ours.txt")]
    _uv(session, *command, package, *others)
    return python


def _make_bench_environment(session: nox.Session, folder: Path, name: str) -> None:
    """Install all our packages from wheels, and the program that start-up is compared with."""
    wheels = folder / "wheels"
    _uv(session, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder / name))
    constraints = ["--constraints", "constraints.txt", "--constraints", str(wheels / "ours.txt")]
    program = next(wheels.glob("bench_one_command-*.whl"))
    _bench_install(session, folder / name, *constraints, *PACKAGES, str(program))


def _make_peers(session: nox.Session, environment: Path) -> None:
    """Install what the benchmarks compare with; DuckDB's extension only where there is one."""
    venv = ("venv", "--quiet", "--allow-existing", "--python", sys.executable)
    _uv(session, *venv, str(environment))
    _bench_install(session, environment, "--requirements", "benchmarks/peers.txt")
    optional = ("--requirements", "benchmarks/duckdb.txt")
    _bench_install(session, environment, *optional, success_codes=(0, 1, 2))


def _bench_install(
    session: nox.Session, environment: Path, *what: str, success_codes: tuple[int, ...] = (0,)
) -> None:
    """Install and compile: without .pyc files every start would be measured as the first one."""
    command = ["pip", "install", "--quiet", "--compile-bytecode"]
    command += ["--python", str(environment / "bin" / "python"), *what]
    _uv(session, *command, success_codes=success_codes)


def _find_python(version: str) -> str | None:
    """Find an interpreter that really starts; a pyenv shim may exist and not start."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python")]
    if on_path := shutil.which(f"python{version}"):
        candidates.append(on_path)
    question = ("-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    for candidate in candidates:
        done = subprocess.run([candidate, *question], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return candidate
    return None
