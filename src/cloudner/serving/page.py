"""The pages: `/` to try a text, `/docs` about the routes. They load nothing but their own style sheet and script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response

from cloudner.pages.rendering import asset, html
from cloudner.serving.service import Service

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAID: dict[str, dict[str, str]] = {
    "en": {
        "lang": "en",
        "other_lang": "zh",
        "other": "中文",
        "title": "Named entities",
        "api": "API",
        "text": "Text",
        "placeholder": "Ada Lovelace moved to Turin.",
        "model": "Model",
        "token": "Token",
        "go": "Find entities",
        "threshold": "Least confidence",
        "download": "Download",
        "labels": "Labels",
        "entity": "Entity",
        "label": "Label",
        "confidence": "Confidence",
        "place": "Characters",
        "too_many": "Too many texts are waiting; try again in {seconds} s.",
        "failed": "No answer:",
        "token_needed": "This service asks for a token.",
        "none": "No entities found.",
        "count": "{kept} of {all} entities",
        "working": "Working ...",
        "noscript": "This page needs JavaScript.",
    },
    "zh": {
        "lang": "zh",
        "other_lang": "en",
        "other": "English",
        "title": "命名实体识别",
        "api": "接口",
        "text": "文本",
        "placeholder": "王小明在北京大学工作。",
        "model": "模型",
        "token": "令牌",
        "go": "识别实体",
        "threshold": "最低置信度",
        "download": "下载",
        "labels": "标签",
        "entity": "实体",
        "label": "标签",
        "confidence": "置信度",
        "place": "字符位置",
        "too_many": "等待的文本太多，请在 {seconds} 秒后重试。",
        "failed": "没有结果：",
        "token_needed": "此服务需要令牌。",
        "none": "没有找到实体。",
        "count": "显示 {kept} 个实体，共 {all} 个",
        "working": "正在识别……",
        "noscript": "此页面需要 JavaScript。",
    },
}


def add_pages(app: FastAPI, service: Service) -> None:
    """The routes `/`, `/page.css`, `/page.js` and `/docs`."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        said = SAID[language(request)]
        text = html(
            "service.html", said=said, models=list(service.models), max_chars=service.limits.max_chars
        )
        return HTMLResponse(text, headers=headers)

    @app.get("/page.css", include_in_schema=False)
    async def style() -> Response:
        return Response(asset("service.css"), media_type="text/css; charset=utf-8")

    @app.get("/page.js", include_in_schema=False)
    async def script() -> Response:
        return Response(asset("service.js"), media_type="text/javascript; charset=utf-8")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return HTMLResponse(
            html("service_docs.html", routes=list(described(app.openapi())), base=base), headers=headers
        )


def language(request: Request) -> str:
    """What `?lang=` says, else the browser: Chinese where it comes first, otherwise English."""
    asked = request.query_params.get("lang", "") or request.headers.get("accept-language", "")
    return "zh" if asked.lower().startswith("zh") else "en"


def described(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The routes of an OpenAPI description, for the page."""
    kinds = schema.get("components", {}).get("schemas", {})
    for path, methods in schema["paths"].items():
        for method, route in methods.items():
            fields = [
                {
                    "name": f"?{each['name']}=",
                    "kind": _kind(each["schema"]),
                    "said": each.get("description", ""),
                }
                for each in route.get("parameters", ())
            ]
            for body in route.get("requestBody", {}).get("content", {}).values():
                named = kinds.get(body["schema"].get("$ref", "").rpartition("/")[2], body["schema"])
                for name, each in named.get("properties", {}).items():
                    fields.append({"name": name, "kind": _kind(each), "said": each.get("description", "")})
            yield {
                "method": method.upper(),
                "path": path,
                "summary": route.get("description") or route.get("summary", ""),
                "fields": fields,
                "answers": [(status, each["description"]) for status, each in route["responses"].items()],
            }


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return ", ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "object"))
