# A server on port 24477 that needs no arguments: settings are environment variables, MOCKCHIRP_*.
FROM python:3.13-slim AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /build && python3 -m venv /opt/mockchirp
COPY constraints.txt .
RUN /build/bin/pip install -c constraints.txt hatchling
COPY pyproject.toml README.md LICENSE ./
COPY mockchirp mockchirp
COPY fixtures fixtures
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/mockchirp/bin/pip install -c constraints.txt /wheels/*.whl \
    && /opt/mockchirp/bin/pip uninstall --yes pip

FROM python:3.13-slim
COPY --from=build /opt/mockchirp /opt/mockchirp
RUN useradd --no-create-home --uid 10001 mockchirp
USER 10001
ENV PATH=/opt/mockchirp/bin:$PATH PYTHONUNBUFFERED=1 MOCKCHIRP_HOST=0.0.0.0
EXPOSE 24477
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["mockchirp", "ready"]
ENTRYPOINT ["mockchirp"]
